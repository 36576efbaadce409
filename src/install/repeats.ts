/**
 * Gathers repetitions of DHCP messages in a lane. The main thread stores a repetition only as a count, and what it does for a
 * message costs more than the answer: so it gets one report for all repetitions within the time in which it counts them.
 * Messages of firmware and iPXE are not gathered, because a decision about a boot depends on them.
 */
import type { Clock } from '../host/clock.ts'
import { retransmitMs, type DhcpSeen } from './observation.ts'

export type Repeats<Done> = {
  /**
   * Counts an answer to a system if it repeats one. This is done for each message of a flood, so nothing is created.
   *
   * @returns whether it does
   */
  count(seen: DhcpSeen, done: Done): boolean
  /** Reports an answer to a system that repeats none; the next ones may repeat it. */
  begin(seen: DhcpSeen, done: Done): void
  /** Reports the repetitions of a node: call it before anything else of the node is reported. */
  end(node: string): void
  /**
   * Reports repetitions that are due, of a few nodes in each call.
   *
   * @param isEnd whether all are due, and reported now
   * @returns whether others wait
   */
  reportDue(isEnd: boolean): boolean
}

/** A message, and how often it was repeated since then. */
type Series<Done> = { readonly first: Done; repeated: number }

/** While messages are repeated, their number is reported this often; without repetitions, the next message is not one. */
const reportMs = retransmitMs
/** Nodes that begin together are due together: this many at once, so that a report delays no answer. */
const maxDueAtOnce = 32
/** A flood that lasts gets a row of the history, and a complete report, this often. */
const maxPeriodMs = 10_000

/** What a node sent since its first message. */
type Period<Done> = {
  readonly from: number
  /** When repetitions were reported last. */
  reportedAt: number
  readonly series: { [Message in DhcpSeen['message']]?: Series<Done> }
}

/**
 * @param isSame whether two answers to messages of the same node differ in nothing but the transaction
 * @param report gets each message, and then the number of its repetitions
 * @param isFull whether repetitions that are due must wait
 */
export function createRepeats<Done>(
  clock: Pick<Clock, 'monotonic'>,
  isSame: (one: Done, other: Done) => boolean,
  report: (done: Done, repeated?: number) => void,
  isFull: () => boolean = () => false,
): Repeats<Done> {
  /** By node, the one that is due first comes first. */
  const periods = new Map<string, Period<Done>>()
  let waiting = 0

  /** @returns whether there were any */
  function reportSeries(series: Series<Done> | undefined): boolean {
    if (series === undefined || series.repeated === 0) return false
    report(series.first, series.repeated)
    series.repeated = 0
    waiting--
    return true
  }

  /** @returns whether there were any */
  function reportRepeats({ series }: Period<Done>): boolean {
    const hasDiscovers = reportSeries(series.discover)
    return reportSeries(series.request) || hasDiscovers
  }

  /** Whether the node sent nothing again for so long that its next message is not a repetition. */
  function isQuiet({ reportedAt, series: { discover, request } }: Period<Done>): boolean {
    if (clock.monotonic() - reportedAt < reportMs) return false
    return (discover?.repeated ?? 0) + (request?.repeated ?? 0) === 0
  }

  return {
    count({ node, message }, done) {
      const period = periods.get(node)
      const series = period?.series[message]
      if (period === undefined || series === undefined || isQuiet(period)) return false
      if (!isSame(series.first, done)) return false
      if (series.repeated === 0) waiting++
      series.repeated++
      return true
    },
    begin({ node, message }, done) {
      const now = clock.monotonic()
      let period = periods.get(node)
      if (period !== undefined) reportRepeats(period)
      if (period === undefined || period.series[message] !== undefined) {
        period = { from: now, reportedAt: now, series: {} }
        periods.delete(node)
        periods.set(node, period)
      }
      period.series[message] = { first: done, repeated: 0 }
      report(done)
    },
    end(node) {
      const period = periods.get(node)
      if (period === undefined) return
      periods.delete(node)
      reportRepeats(period)
    },
    reportDue(isEnd) {
      const now = clock.monotonic()
      let nodes = 0
      for (const [node, period] of periods) {
        if (!isEnd && (now - period.reportedAt < reportMs || nodes++ === maxDueAtOnce || isFull())) break
        periods.delete(node)
        if (!reportRepeats(period) || isEnd || now - period.from >= maxPeriodMs) continue
        period.reportedAt = now
        periods.set(node, period)
      }
      return waiting > 0
    },
  }
}
