/**
 * Answers one query as far as no other server is needed: admission, cookies, the pure answer, the response rate limit,
 * counts, and log lines. Runs in the lane for UDP, and in the main thread for TCP and where there is no lane.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { HeaderFlag } from '../../proto/dns/registry.ts'
import { createAccess, createRateLimit } from './admission.ts'
import { answer } from './answer.ts'
import type { DnsCode } from './codes.ts'
import type { Cookies } from './cookies.ts'
import type { DnsAnswer, Transport } from './query.ts'
import { createQueryLog } from './query-log.ts'
import { createReplyCache } from './reply-cache.ts'
import { cutReply, readU16 } from './reply.ts'

/** What remains for the caller. */
export type Unanswered = Extract<DnsAnswer, { kind: 'forward' | 'transfer' }>

export type Responder = {
  /**
   * @param out the buffer for the reply: at least 1232 octets for UDP, 65535 for TCP
   * @returns the octets of the reply in `out`, 0 for no reply; or what the caller must answer
   */
  respond(
    plan: DnsPlan,
    query: Uint8Array,
    address: string,
    port: number,
    transport: Transport,
    out: Uint8Array,
  ): number | Unanswered
  /** Whether a client is a declared node, a secondary, or this machine. */
  isKnown(plan: DnsPlan, address: string): boolean
}

export function createResponder(options: {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  readonly cookies: Cookies
  /** The NSID option. */
  readonly machine: Uint8Array
}): Responder {
  const { clock, counters, log, cookies, machine } = options
  const access = createAccess()
  const queryLog = createQueryLog(log, clock)
  const rateLimit = createRateLimit(options)
  const replies = createReplyCache()

  /** The query that is being answered: `isProven` if a TCP connection or a cookie proves the address. */
  const sender = { address: '', isProven: false }
  const cookie = (received: Uint8Array): Uint8Array => {
    const { option, isOurs } = cookies.verify(received, sender.address)
    sender.isProven ||= isOurs
    return option
  }

  return {
    isKnown: (plan, address) => access(plan, address).isKnown,

    respond(plan, query, address, port, transport, out) {
      const { mayForward, isKnown, isSecondary } = access(plan, address)
      // At debug level, each query has a line. Other clients are limited, and the replies to secondaries differ.
      const isRepeated = transport === 'udp' && (mayForward || isKnown) && !isSecondary && !log.isDebug()
      const octets = isRepeated ? replies.find(plan, mayForward, query, out) : 0
      if (octets > 0) {
        counters.increment('dns.queries')
        counters.increment(repeatableCounters[replies.outcome()] as string)
        return octets
      }
      sender.address = address
      sender.isProven = transport === 'tcp'
      let result: DnsAnswer
      try {
        const nsid = plan.isNamed ? machine : undefined
        result = answer(query, { mayForward, isSecondary, cookie, nsid }, plan, out, transport)
      } catch (error) {
        // A bug must not end the process.
        counters.increment('dns.failures')
        const code: DnsCode = 'dns.query-failed'
        const packet = Buffer.from(query).toString('hex')
        log.error({ code, client: `${address}:${port}`, packet, err: error }, 'query failed')
        return 0
      }
      counters.increment('dns.queries')
      queryLog.record(plan, query, address, port, result)
      if (result.kind === 'forward' || result.kind === 'transfer') return result
      counters.increment(counterNames[result.outcome])
      if (result.kind === 'silent') return 0
      if (result.code !== undefined) counters.refuse(result.code)
      // A valid cookie or a TCP connection proves the source address. Without a proof, a client outside the site gets no
      // more octets than it sent: the query may be forged to flood a third party. TC lets a real client use TCP.
      if (!mayForward && !isKnown && !sender.isProven) {
        const decision = rateLimit.decide(address)
        if (decision === 'drop') return 0
        if (decision === 'slip' || result.octets.length > query.length) return cutReply(result.octets)
      }
      if ((readU16(result.octets, 2) & HeaderFlag.truncated) !== 0) counters.increment('dns.truncated')
      else if (isRepeated && result.isRepeatable === true) {
        replies.keep(query, result.octets, repeatableCounters.indexOf(counterNames[result.outcome]))
      }
      return result.octets.length
    },
  }
}

/** The counters of replies from the zones. */
const repeatableCounters: readonly string[] = ['dns.answered', 'dns.nodata', 'dns.nxdomain', 'dns.referred']

/** One counter for each outcome. */
const counterNames = {
  answered: 'dns.answered',
  nodata: 'dns.nodata',
  nxdomain: 'dns.nxdomain',
  referred: 'dns.referred',
  refused: 'dns.refused',
  malformed: 'dns.malformed',
  notImplemented: 'dns.notImplemented',
  badVersion: 'dns.badVersion',
  notAuthoritative: 'dns.notAuthoritative',
  ignored: 'dns.ignored',
} as const
