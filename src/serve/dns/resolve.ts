/**
 * Resolves one question with several resolvers: queries the first, after its usual response time the next as well,
 * and uses the first answer. Uses TCP for an answer that is truncated (RFC 7766 §5). Bounded in attempts and in time.
 */
import type { Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { ResponseCode } from '../../proto/dns/registry.ts'
import { readFound, type Found } from './cacheable.ts'
import type { Health } from './health.ts'
import type { ForwardRequest, Transport } from './query.ts'
import { readU16 } from './reply.ts'
import { exchange, type ExchangeOptions, type ResolverReply } from './exchange.ts'

export type Resolution =
  | { readonly kind: 'found'; readonly found: Found }
  /** No resolver answers, or all that do fail. */
  | { readonly kind: 'failed'; readonly rcode: number; readonly reason: FailureReason }

export type FailureReason = 'timeout' | 'refusal' | 'truncation'

export type ResolveOptions = ExchangeOptions & {
  readonly log: Log
  readonly counters: Counters
  readonly health: Health
  readonly isStopping: () => boolean
}

/** The resolver of a node gives up after 5 s (glibc). */
const totalMs = 4500

/** The time-out of one attempt. A late answer counts as long as its attempt runs. */
const attemptMs = 2000

/** Attempts for each resolver; the delay before the next resolver doubles with each round. */
const rounds = 3

/** The maximum for a site with many resolvers that do not respond. */
const maxAttempts = 12

/** Rejects only because of a bug. Leaves no timers except those of attempts in flight. */
export function resolve(options: ResolveOptions, request: ForwardRequest): Promise<Resolution> {
  const { clock, log, counters, health, isStopping } = options
  const { promise, resolve: settle, reject } = Promise.withResolvers<Resolution>()
  const { first, probed } = health.order(request.resolvers)
  const steps = Array.from({ length: rounds }, (_, round) => first.map((resolver) => ({ resolver, round })))
    .flat()
    .slice(0, maxAttempts)
  const failed = new Set<Resolver>()
  let failure: Extract<Resolution, { kind: 'failed' }> = {
    kind: 'failed',
    rcode: ResponseCode.servFail,
    reason: 'timeout',
  }
  let hasEnded = false
  let inFlight = 0
  let latest = 0
  let hedge: Timer | undefined

  function end(resolution: Resolution): void {
    hasEnded = true
    deadline.cancel()
    hedge?.cancel()
    settle(resolution)
  }

  function next(): void {
    hedge?.cancel()
    hedge = undefined
    let step = steps.shift()
    while (step !== undefined && failed.has(step.resolver)) step = steps.shift()
    if (step === undefined || isStopping()) {
      if (inFlight === 0 || isStopping()) end(failure)
      return
    }
    hedge = clock.after(health.hedgeMs(step.resolver) * 2 ** step.round, next)
    attempt(step.resolver)
  }

  function attempt(resolver: Resolver): void {
    inFlight++
    const number = ++latest
    query(resolver).then(
      (resolution) => {
        inFlight--
        if (hasEnded) return
        if (resolution?.kind === 'found') {
          if (resolver !== request.resolvers[0]) counters.increment('dns.failovers')
          end(resolution)
          return
        }
        if (resolution !== undefined) failure = resolution
        // An attempt that started later has not timed out yet.
        if (number === latest || inFlight === 0) next()
      },
      (error: unknown) => {
        hasEnded = true
        deadline.cancel()
        hedge?.cancel()
        reject(error)
      },
    )
  }

  /** @returns nothing after a time-out */
  async function query(resolver: Resolver): Promise<Resolution | undefined> {
    let hasEdns = true
    let overUdp = await measured(resolver, hasEdns)
    // A server without EDNS answers FORMERR (RFC 6891 §7). The DO bit needs EDNS.
    if (
      overUdp.kind === 'failure' &&
      rcodeOf(overUdp.octets) === ResponseCode.formErr &&
      !request.isDnssecOk
    ) {
      hasEdns = false
      overUdp = await measured(resolver, hasEdns)
    }
    if (overUdp.kind === 'timeout') return undefined
    const isCut = overUdp.kind === 'truncated'
    const reply = isCut ? await send(resolver, 'tcp', hasEdns) : overUdp
    if (reply.kind === 'answer') {
      try {
        return { kind: 'found', found: readFound(reply.octets) }
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
        counters.increment('dns.resolverMalformed')
        log.debug({ address: resolver.address, reason: error.message }, 'malformed answer received')
      }
    }
    failed.add(resolver)
    const rcode = reply.kind === 'failure' ? rcodeOf(reply.octets) : ResponseCode.servFail
    return { kind: 'failed', rcode, reason: isCut ? 'truncation' : 'refusal' }
  }

  async function measured(resolver: Resolver, hasEdns: boolean): Promise<ResolverReply> {
    const start = clock.monotonic()
    const reply = await send(resolver, 'udp', hasEdns)
    if (reply.kind !== 'timeout') health.recordAnswer(resolver, clock.monotonic() - start)
    else if (!isStopping()) health.recordTimeout(resolver, reply.reason)
    return reply
  }

  function send(resolver: Resolver, transport: Transport, hasEdns: boolean): Promise<ResolverReply> {
    return exchange(options, { request, resolver, transport, hasEdns, timeoutMs: attemptMs })
  }

  const deadline = clock.after(totalMs, () => end(failure))
  for (const resolver of probed) attempt(resolver)
  next()
  return promise
}

function rcodeOf(octets: Uint8Array): number {
  return readU16(octets, 2) & 15
}
