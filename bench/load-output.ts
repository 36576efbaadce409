/** Parses the output of the load programs. Unexpected output is an error, never a zero. */

export type DnsperfResult = {
  readonly queriesPerSecond: number
  readonly sent: number
  readonly lost: number
  /** Percentage of each response code, rounded, from `NOERROR 900 (90.00%), NXDOMAIN 100 (10.00%)`. */
  readonly responseCodes: ReadonlyMap<string, number>
}

export function parseDnsperf(text: string): DnsperfResult {
  const codes = find(text, /Response codes:\s+(.*)/)
  return {
    queriesPerSecond: number(text, /Queries per second:\s+([\d.]+)/),
    sent: number(text, /Queries sent:\s+(\d+)/),
    lost: number(text, /Queries lost:\s+(\d+)/),
    responseCodes: new Map(
      codes.split(', ').map((each) => [find(each, /^(\w+)/), Math.round(number(each, /\(([\d.]+)%\)/))]),
    ),
  }
}

/** Returns the milliseconds until each answer, from the output of `dnsperf -v`. */
export function parseDnsperfDelays(text: string): number[] {
  return [...text.matchAll(/^> \w+ \S+ \w+ ([\d.]+)$/gm)].map(([, seconds]) => Number(seconds) * 1000)
}

export type PerfdhcpResult = {
  /** Number of DISCOVERs sent. */
  readonly started: number
  /** Number of ACKs received. */
  readonly completed: number
}

export function parsePerfdhcp(text: string): PerfdhcpResult {
  const [offers = '', acks = ''] = text.split('***Statistics for: ').slice(1)
  return {
    started: number(offers, /sent packets: (\d+)/),
    completed: number(acks, /received packets: (\d+)/),
  }
}

/** Returns the milliseconds until each reply, from the output of `perfdhcp -x t`. */
export function parsePerfdhcpDelays(text: string): number[] {
  const pairs = text.matchAll(/^sent \/ received: ([\d.]+) \/ ([\d.]+)$/gm)
  return [...pairs].map(([, sent, received]) => (Number(received) - Number(sent)) * 1000)
}

export type WrkResult = { readonly requestsPerSecond: number; readonly failed: number }

export function parseWrk(text: string): WrkResult {
  // wrk prints errors only if there were any.
  const socketErrors = [...text.matchAll(/(?:connect|read|write|timeout) (\d+)/g)]
  const responses = /Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? '0'
  return {
    requestsPerSecond: number(text, /Requests\/sec:\s+([\d.]+)/),
    failed: socketErrors.reduce((sum, [, count]) => sum + Number(count), Number(responses)),
  }
}

function number(text: string, pattern: RegExp): number {
  return Number(find(text, pattern))
}

function find(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1]
  if (found === undefined)
    throw new Error(`expected ${String(pattern)} in ${JSON.stringify(text.slice(0, 2000))}`)
  return found
}
