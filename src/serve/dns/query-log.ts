/** Log lines about queries: each query at debug level, zone transfers, and a summary of refused clients. */
import type { Clock } from '../../host/clock.ts'
import type { Log } from '../../host/log.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { formatQuestion } from '../../proto/dns/question.ts'
import type { DnsCode } from './codes.ts'
import type { DnsAnswer } from './query.ts'

export type QueryLog = {
  record(plan: DnsPlan, query: Uint8Array, address: string, port: number, result: DnsAnswer): void
}

/** Refused clients may be many: one line in this time. */
const quietMs = 10_000

/** The refusals that an administrator may want to change. */
const reported = new Set<DnsCode | undefined>(['dns.client-not-allowed', 'dns.transfer-not-allowed'])

export function createQueryLog(log: Log, clock: Clock): QueryLog {
  let quietUntil = 0
  let queries = 0

  function facts(plan: DnsPlan, query: Uint8Array, address: string, port: number, result: DnsAnswer) {
    return {
      node: plan.nodeByAddress.get(address),
      client: `${address}:${port}`,
      question: hasQuestion(result) ? formatQuestion(query) : undefined,
      ...outcome(result),
    }
  }

  return {
    record(plan, query, address, port, result) {
      if (log.isDebug()) log.debug(facts(plan, query, address, port, result), 'query')
      if (result.kind === 'transfer') {
        const { name, records } = result.zone
        log.info({ client: `${address}:${port}`, zone: name, records: records.length }, 'zone transferred')
      }
      if (result.kind !== 'reply' || !reported.has(result.code)) return
      queries++
      if (clock.monotonic() < quietUntil) return
      log.info({ ...facts(plan, query, address, port, result), queries }, 'undeclared client refused')
      quietUntil = clock.monotonic() + quietMs
      queries = 0
    },
  }
}

function outcome(result: DnsAnswer): {
  outcome: string
  code?: DnsCode | undefined
  reason?: string | undefined
} {
  switch (result.kind) {
    case 'forward':
      return { outcome: 'forwarded' }
    case 'transfer':
      return { outcome: 'transferred' }
    case 'silent':
      return { outcome: result.outcome, reason: result.reason }
    case 'reply':
      return { outcome: result.outcome, code: result.code, reason: result.reason }
  }
}

/** Whether the question of the query was read. */
function hasQuestion(result: DnsAnswer): boolean {
  if (result.kind === 'forward' || result.kind === 'transfer') return true
  return result.kind === 'reply' && result.outcome !== 'malformed' && result.outcome !== 'notImplemented'
}
