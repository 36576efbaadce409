/**
 * HAProxy's `show stat`: a line for each server with what its checks say. Pure. It is another program's
 * output, of any version: columns go by their names, and a line that is not understood is left out.
 */

export type Stat = {
  readonly backend: string
  readonly server: string
  /** Its first word: `UP`, `DOWN`, `MAINT`, `DRAIN`, `NOLB`, `no`. */
  readonly status: string
  /** False after a reload, until its first check: HAProxy takes it to be up. */
  readonly isTested: boolean
  /** How long it has been so. */
  readonly seconds: number
  /** Connections that it has. */
  readonly connections: number
  /** Why it is not up: a few words, none when HAProxy does not say. */
  readonly reason: string
}

/** A server among those of all back ends. */
export function serverKey(backend: string, server: string): string {
  return `${backend}/${server}`
}

/** What HAProxy's names of check results mean; of others its own words are told. */
const reasonByCheck: Readonly<Record<string, string>> = {
  L4TOUT: 'no answer to a connection',
  L6TOUT: 'no answer in TLS',
  L6RSP: 'no TLS',
  L7TOUT: 'no answer to its check',
  L7RSP: 'no HTTP answer',
}

/** Groups of servers, not servers. */
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

/** Comma-separated values (RFC 4180 §2); what HAProxy quotes may hold commas and doubled quotes. */
function cells(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => (quoted?.replaceAll('""', '"') ?? plain) as string,
  )
}

function wholeNumber(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0
}

/** Without the `* ` that stands before it while another check is under way. */
function resultOf(checkStatus: string): string {
  return checkStatus.replace(/^\* /, '')
}

function reasonOf(value: (name: string) => string): string {
  const check = resultOf(value('check_status'))
  if (check === 'L7STS') return `it answers ${value('check_code')}`
  const known = reasonByCheck[check]
  if (known !== undefined) return known
  const words = value('last_chk') || (check.endsWith('OK') ? '' : value('check_desc'))
  const printable = words
    .replaceAll(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 120)
  return printable.charAt(0).toLowerCase() + printable.slice(1)
}
