/** What the log says about queries: each one at debug level, copies of zones, and now and then strangers. */
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { formatQuestion } from '../../proto/dns/question.ts'
import { strangerReason, transferReason, type DnsAnswer } from './answer.ts'

export type Notes = {
  note(plan: DnsPlan, query: Uint8Array, address: string, port: number, result: DnsAnswer): void
}

/** Between two lines about strangers, who may be many. */
const quietMs = 10_000

export function createNotes(log: Log, clock: Clock): Notes {
  let quietUntil = 0
  let unmentioned = 0

  function facts(plan: DnsPlan, query: Uint8Array, address: string, port: number, result: DnsAnswer) {
    return {
      node: plan.nodeByAddress.get(address),
      client: `${address}:${port}`,
      question: hasQuestion(result) ? formatQuestion(query) : undefined,
      ...outcome(result),
    }
  }

  return {
    note(plan, query, address, port, result) {
      if (log.isDebug()) log.debug(facts(plan, query, address, port, result), 'query')
      if (result.kind === 'transfer') {
        const { name, records } = result.zone
        log.info({ client: `${address}:${port}`, zone: name, records: records.length }, 'zone transferred')
      }
      if (result.kind !== 'reply' || !strangers.has(result.reason)) return
      unmentioned++
      if (clock.monotonic() < quietUntil) return
      log.info({ ...facts(plan, query, address, port, result), queries: unmentioned }, 'stranger refused')
      quietUntil = clock.monotonic() + quietMs
      unmentioned = 0
    },
  }
}

const strangers = new Set<string | undefined>([strangerReason, transferReason])

function outcome(result: DnsAnswer): { outcome: string; reason?: string | undefined } {
  switch (result.kind) {
    case 'forward':
      return { outcome: 'forwarded' }
    case 'transfer':
      return { outcome: 'transferred' }
    default:
      return { outcome: result.outcome, reason: result.reason }
  }
}

/** Whether the query was read as far as its question. */
function hasQuestion(result: DnsAnswer): boolean {
  if (result.kind === 'forward' || result.kind === 'transfer') return true
  return result.kind === 'reply' && result.outcome !== 'malformed' && result.outcome !== 'notImplemented'
}
