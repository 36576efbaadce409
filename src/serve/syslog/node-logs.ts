/**
 * The latest syslog messages of each node, in memory. Three limits protect the machine and the other nodes: the rate of
 * each node, the size of each log, and the size of all logs, which shortens the longest ones first.
 */
import type { Clock } from '../../host/clock.ts'
import { decodeSyslog, type SyslogMessage } from '../../proto/syslog/message.ts'

export type LogLine = SyslogMessage & {
  /** Increases with each line of all nodes, also after a restart. */
  readonly sequence: number
  /** When it arrived, in milliseconds since 1970. */
  readonly at: number
}

export type NodeLog = {
  /** Oldest first. */
  readonly lines: readonly LogLine[]
  /** Number of messages since the start that exceeded the rate of the node. */
  readonly dropped: number
}

export type NodeLogs = {
  /** @returns whether the message was kept: a node that sends too fast loses messages */
  add(node: string, octets: Uint8Array): boolean
  /** @param after the sequence of a line: only later lines @param last maximum number of lines: the latest */
  read(node: string, after?: number, last?: number): NodeLog
  /** Deletes the logs of all other nodes. */
  keep(nodes: ReadonlySet<string>): void
}

export type LogLimits = {
  /** A boot of RHCOS writes about 3,000 lines. */
  readonly linesPerNode: number
  /** Characters of all logs together, with an allowance for each line. */
  readonly totalSize: number
  /** Messages at once: a live system sends its whole journal when its network is ready. */
  readonly burst: number
  /** Steady rate. */
  readonly perSecond: number
}

export const logLimits: LogLimits = {
  linesPerNode: 4000,
  totalSize: 48 * 1024 * 1024,
  burst: 8000,
  perSecond: 100,
}

/** Memory of a line besides its text. */
const lineOverhead = 120

type Log = { lines: LogLine[]; size: number; dropped: number; budget: number; filledAt: number }

export function createNodeLogs(
  clock: Pick<Clock, 'now' | 'monotonic'>,
  limits: LogLimits = logLimits,
): NodeLogs {
  const logs = new Map<string, Log>()
  let total = 0
  let lastSequence = 0

  function isAdmitted(log: Log): boolean {
    const tick = clock.monotonic()
    const refill = ((tick - log.filledAt) * limits.perSecond) / 1000
    log.budget = Math.min(limits.burst, log.budget + refill)
    log.filledAt = tick
    if (log.budget < 1) return false
    log.budget--
    return true
  }

  function dropOldest(log: Log, count: number): void {
    const removed = log.lines.splice(0, count)
    const size = removed.reduce((sum, line) => sum + sizeOf(line), 0)
    log.size -= size
    total -= size
  }

  /** Shortens the longest logs to an equal share of nine tenths of the total, so that it runs rarely. */
  function makeSpace(): void {
    const share = (limits.totalSize * 0.9) / logs.size
    for (const log of logs.values()) {
      let count = 0
      for (let excess = log.size - share; excess > 0; count++) excess -= sizeOf(log.lines[count] as LogLine)
      dropOldest(log, count)
    }
  }

  return {
    add(node, octets) {
      const log: Log = logs.get(node) ?? {
        ...{ lines: [], size: 0, dropped: 0, budget: limits.burst, filledAt: clock.monotonic() },
      }
      logs.set(node, log)
      if (!isAdmitted(log)) {
        log.dropped++
        return false
      }
      const at = clock.now()
      lastSequence = Math.max(lastSequence + 1, at)
      const line = { sequence: lastSequence, at, ...decodeSyslog(octets) }
      log.lines.push(line)
      log.size += sizeOf(line)
      total += sizeOf(line)
      // Not for each line, because moving thousands of lines takes time.
      if (log.lines.length >= limits.linesPerNode * 1.2)
        dropOldest(log, log.lines.length - limits.linesPerNode)
      if (total > limits.totalSize) makeSpace()
      return true
    },
    read(node, after = 0, last = limits.linesPerNode) {
      const { lines = [], dropped = 0 } = logs.get(node) ?? {}
      const count = Math.min(last, limits.linesPerNode)
      const first = lines.findIndex(({ sequence }) => sequence > after)
      return { lines: first === -1 ? [] : lines.slice(Math.max(first, lines.length - count)), dropped }
    },
    keep(nodes) {
      for (const [node, log] of logs) {
        if (nodes.has(node)) continue
        dropOldest(log, log.lines.length)
        logs.delete(node)
      }
    },
  }
}

function sizeOf({ text, app = '' }: LogLine): number {
  return text.length + app.length + lineOverhead
}
