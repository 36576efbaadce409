/**
 * Decodes HAProxy's `show stat`: one line for each server. The output depends on the version, so columns are found by
 * name, and lines that cannot be decoded are skipped. Pure.
 */

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

/** Returns the key of a server among all back ends. */
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
        ...{ backend, server, status },
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
