/** What the load programs print, as figures. A text that is not understood is an error, never a zero. */

export type DnsperfReading = {
  readonly queriesPerSecond: number
  readonly sent: number
  readonly lost: number
  /** `NOERROR 900 (90.00%), NXDOMAIN 100 (10.00%)` as shares in whole percent, by name. */
  readonly responseCodes: ReadonlyMap<string, number>
}

export function readDnsperf(text: string): DnsperfReading {
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

/** Milliseconds that each answer took: the lines of `dnsperf -v`. */
export function readDnsperfDelays(text: string): number[] {
  return [...text.matchAll(/^> \w+ \S+ \w+ ([\d.]+)$/gm)].map(([, seconds]) => Number(seconds) * 1000)
}

export type PerfdhcpReading = {
  /** DISCOVERs sent. */
  readonly begun: number
  /** ACKs received. */
  readonly completed: number
  readonly dropped: number
}

export function readPerfdhcp(text: string): PerfdhcpReading {
  const [offers = '', acks = ''] = text.split('***Statistics for: ').slice(1)
  return {
    begun: number(offers, /sent packets: (\d+)/),
    completed: number(acks, /received packets: (\d+)/),
    dropped: number(offers, /drops: (\d+)/) + number(acks, /drops: (\d+)/),
  }
}

/** Milliseconds from each packet to its answer: what `perfdhcp -x t` adds. */
export function readPerfdhcpDelays(text: string): number[] {
  const pairs = text.matchAll(/^sent \/ received: ([\d.]+) \/ ([\d.]+)$/gm)
  return [...pairs].map(([, sent, received]) => (Number(received) - Number(sent)) * 1000)
}

export type WrkReading = { readonly requestsPerSecond: number; readonly failed: number }

export function readWrk(text: string): WrkReading {
  // wrk says nothing about errors when there were none.
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
