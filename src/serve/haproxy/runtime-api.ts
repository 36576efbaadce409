/**
 * The Runtime API of HAProxy on its stats socket and master socket: one command, one reply. Decodes the reply to
 * `show stat`, which lists all servers.
 */
import { connect } from 'node:net'
import type { Clock } from '../../host/clock.ts'

export type RuntimeReply =
  | { readonly kind: 'answer'; readonly text: string }
  /** `reason` includes what to do. */
  | { readonly kind: 'unreachable'; readonly reason: string }

const timeoutMs = 2000
/** `show stat` has about 600 bytes a line; this suffices for the largest site. */
const maxBytes = 4 * 1024 * 1024

/** Never rejects. HAProxy closes the connection after its reply. */
export function queryHaproxy(path: string, command: string, clock: Clock): Promise<RuntimeReply> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const end = (reply: RuntimeReply): void => {
      deadline.cancel()
      socket.destroy()
      resolve(reply)
    }
    const unreachable = (reason: string): void => end({ kind: 'unreachable', reason })
    const socket = connect({ path })
    const deadline = clock.after(timeoutMs, () =>
      unreachable(`HAProxy does not answer on ${path} within ${timeoutMs / 1000} s`),
    )
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > maxBytes) unreachable(`HAProxy's reply on ${path} is larger than ${maxBytes} bytes`)
    })
    socket.on('end', () => end({ kind: 'answer', text: Buffer.concat(chunks).toString('utf8') }))
    socket.on('error', (error: NodeJS.ErrnoException) => unreachable(explain(path, error)))
    socket.write(`${command}\n`)
  })
}

function explain(path: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `socket ${path} does not exist: start HAProxy, or set haproxy.socket to its stats socket`
    case 'ECONNREFUSED':
      return `connection to ${path} refused: start HAProxy`
    case 'EACCES':
      return `permission denied for ${path}: add the service user to the group of the socket (usermod --append --groups haproxy slipway)`
    default:
      return `connection to HAProxy on ${path} failed: ${error.message}`
  }
}

// The columns of `show stat` depend on the version, so they are found by name. Lines that cannot be decoded are
// skipped.

export type Stat = {
  readonly backend: string
  readonly server: string
  /** The first word of the status: `UP`, `DOWN`, `MAINT`, `DRAIN`, `NOLB`, `no`. */
  readonly status: string
  /** False after a reload, until the first health check: HAProxy treats the server as up. */
  readonly isTested: boolean
  /** The age of the status. */
  readonly seconds: number
  readonly connections: number
  /** Why it is not up; empty when HAProxy gives no reason. */
  readonly reason: string
}

/** Returns the key of a server, which is unique among all backends. */
export function serverKey(backend: string, server: string): string {
  return `${backend}/${server}`
}

/** Texts for HAProxy's check results; other results keep HAProxy's text. */
const reasonByCheck: Readonly<Record<string, string>> = {
  L4TOUT: 'connection timed out',
  L6TOUT: 'TLS handshake timed out',
  L6RSP: 'TLS handshake failed',
  L7TOUT: 'health check timed out',
  L7RSP: 'invalid HTTP response',
}

/** Lines that are not servers. */
const summaries = new Set(['FRONTEND', 'BACKEND'])

export function parseStat(text: string): Stat[] {
  const [header = '', ...lines] = text.split('\n')
  const columns = cells(header.replace(/^# /, ''))
  const isComplete = ['pxname', 'svname', 'status'].every((name) => columns.includes(name))
  if (!isComplete) return []
  return lines.flatMap((line): Stat[] => {
    const values = cells(line)
    const value = (name: string): string => values[columns.indexOf(name)] ?? ''
    const [backend, server] = [value('pxname'), value('svname')]
    const [status = ''] = value('status').split(' ')
    if (backend === '' || server === '' || status === '' || summaries.has(server)) return []
    return [
      {
        backend,
        server,
        status,
        isTested: resultOf(value('check_status')) !== 'INI',
        seconds: wholeNumber(value('lastchg')),
        connections: wholeNumber(value('scur')),
        reason: status === 'UP' ? '' : reasonOf(value),
      },
    ]
  })
}

/** Comma-separated values (RFC 4180 §2); quoted values may contain commas and doubled quotes. */
function cells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain) as string,
  )
}

function wholeNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** Removes the `* ` that HAProxy adds while another check is in progress. */
function resultOf(checkStatus: string): string {
  return checkStatus.replace(/^\* /, '')
}

function reasonOf(value: (name: string) => string): string {
  const check = resultOf(value('check_status'))
  if (check === 'L7STS') return `health check returned status ${value('check_code')}`
  const known = reasonByCheck[check]
  if (known !== undefined) return known
  const text = value('last_chk') || (check.endsWith('OK') ? '' : value('check_desc'))
  const printable = text
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 120)
  return printable.charAt(0).toLowerCase() + printable.slice(1)
}
