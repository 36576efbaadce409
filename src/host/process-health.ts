/**
 * The health of this process: delays of its event loop, memory, open files, lost log lines, datagrams that the kernel
 * dropped, and jumps of the wall clock.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { formatDuration } from '../text/format.ts'
import type { Clock, Timer } from './clock.ts'
import type { Log } from './log.ts'

export type ProcessHealth = {
  /** The largest and the 99th percentile delay since the reading before the last one, at least 10 s. */
  readonly eventLoopDelayMs: { readonly p99: number; readonly max: number }
  readonly residentMemoryBytes: number
  readonly heapUsedBytes: number
  /** Absent where /proc is not available. */
  readonly openFiles?: number
  /** Datagrams since the start that the kernel dropped because a receive buffer was full, in this network namespace. */
  readonly datagramsDropped?: number
  readonly logLinesLost: number
}

const windowMs = 10_000

/**
 * Interval of the samples, each of which wakes the process. A delay can be measured as shorter by up to this time: those
 * that a client notices are longer.
 */
const samplingMs = 50

const readUdpDrops = (): number => parseUdpDrops(readFileSync('/proc/self/net/snmp', 'latin1'))

/**
 * Starts to measure. The returned function reads the current values; it costs less than a millisecond.
 *
 * @param readDrops returns the count of the kernel, which started before this process
 */
export function measureProcess(logLinesLost: () => number, readDrops = readUdpDrops): () => ProcessHealth {
  const { drops: dropsBefore = 0 } = optional('drops', readDrops)
  const histogram = monitorEventLoopDelay({ resolution: samplingMs })
  histogram.enable()
  let previous = { p99: 0, max: 0 }
  let startedAt = performance.now()

  /** The histogram counts the interval itself. */
  const delay = (nanoseconds: number) => Math.max(0, Math.round(nanoseconds / 1e5) / 10 - samplingMs)

  return () => {
    const current = { p99: delay(histogram.percentile(99)), max: delay(histogram.max) }
    const eventLoopDelayMs = {
      p99: Math.max(previous.p99, current.p99),
      max: Math.max(previous.max, current.max),
    }
    if (performance.now() - startedAt >= windowMs) {
      previous = current
      startedAt = performance.now()
      histogram.reset()
    }
    const { rss, heapUsed } = process.memoryUsage()
    return {
      eventLoopDelayMs,
      residentMemoryBytes: rss,
      heapUsedBytes: heapUsed,
      ...optional('openFiles', () => readdirSync('/proc/self/fd').length),
      ...optional('datagramsDropped', () => readDrops() - dropsBefore),
      logLinesLost: logLinesLost(),
    }
  }
}

/** Returns RcvbufErrors of the text of /proc/net/snmp. */
export function parseUdpDrops(text: string): number {
  const [names = [], values = []] = text
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '))
  return Number(values[names.indexOf('RcvbufErrors')] ?? 0)
}

function optional<Name extends string>(name: Name, read: () => number): Partial<Record<Name, number>> {
  try {
    return { [name]: read() } as Partial<Record<Name, number>>
  } catch {
    return {}
  }
}

export type ClockWatch = {
  /** Returns a sentence about the last jump, for a day after it. */
  problem(): string | undefined
  close(): void
}

const intervalMs = 10_000

/** NTP corrects smaller differences gradually, and nothing in slipway depends on them. */
const minJumpMs = 60_000

const shownForMs = 24 * 3_600_000

/** Compares the wall clock with the monotonic clock of the machine, and reports a jump. */
export function watchClock(clock: Clock, log: Log): ClockWatch {
  let last: { readonly text: string; readonly at: number } | undefined
  let offset = clock.now() - clock.monotonic()
  let timer: Timer

  function compare(): void {
    const current = clock.now() - clock.monotonic()
    const jumpMs = current - offset
    offset = current
    if (Math.abs(jumpMs) >= minJumpMs) {
      const direction = jumpMs > 0 ? 'forward' : 'back'
      const text = `the clock of this machine jumped ${direction} by ${formatDuration(Math.abs(jumpMs))}`
      last = { text, at: clock.monotonic() }
      log.warn({ code: 'server.clock-jumped', jumpMs: Math.round(jumpMs) }, 'clock jumped')
    }
    timer = clock.after(intervalMs, compare)
  }

  timer = clock.after(intervalMs, compare)
  return {
    problem: () => (last !== undefined && clock.monotonic() - last.at < shownForMs ? last.text : undefined),
    close: () => timer.cancel(),
  }
}
