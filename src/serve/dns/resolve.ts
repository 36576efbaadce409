/**
 * One question to several resolvers: the first is asked, after its usual time the next as well, and whoever
 * answers first has answered. Over TCP what does not fit a datagram (RFC 7766 §5). All within bounds of
 * number and time.
 */
import type { Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes/malformed.ts'
import { ResponseCode } from '../../proto/dns/registry.ts'
import type { ForwardRequest, Transport } from './answer.ts'
import { readFound, type Found } from './cacheable.ts'
import type { Health } from './health.ts'
import { readU16 } from './reply.ts'
import { ask, type AskOptions, type Reply } from './resolvers.ts'

export type Resolution =
  | { readonly kind: 'found'; readonly found: Found }
  /** Nobody answers, or all who do say that they cannot. */
  | { readonly kind: 'failed'; readonly rcode: number; readonly reason: FailureReason }

export type FailureReason = 'silence' | 'refusal' | 'truncation'

export type ResolveOptions = AskOptions & {
  readonly log: Log
  readonly counters: Counters
  readonly health: Health
  readonly isStopping: () => boolean
}

/** A node's resolver gives up after 5 s (glibc); ours answers before. */
const totalMs = 4500

/** Who has not answered by then is called silent; until then an answer that comes late is one, too. */
const attemptMs = 2000

/** Each resolver is asked so often; each time it is given twice the time before the next is asked. */
const rounds = 3

/** A site with many dead resolvers asks no more often than this for one question. */
const maxAttempts = 12

/** Never rejects but for a fault of ours, and leaves no timer behind but those of attempts that are under way. */
export function resolve(options: ResolveOptions, request: ForwardRequest): Promise<Resolution> {
  const { clock, log, counters, health, isStopping } = options
  const { promise, resolve: settle, reject } = Promise.withResolvers<Resolution>()
  const { first, along } = health.order(request.resolvers)
  const steps = Array.from({ length: rounds }, (_, round) => first.map((resolver) => ({ resolver, round })))
    .flat()
    .slice(0, maxAttempts)
  /** Who has said that it cannot. */
  const unable = new Set<Resolver>()
  let failure: Extract<Resolution, { kind: 'failed' }> = {
    kind: 'failed',
    rcode: ResponseCode.servFail,
    reason: 'silence',
  }
  let isOver = false
  let underWay = 0
  let latest = 0
  let patience: Timer | undefined

  function end(resolution: Resolution): void {
    isOver = true
    deadline.cancel()
    patience?.cancel()
    settle(resolution)
  }

  function next(): void {
    patience?.cancel()
    patience = undefined
    let step = steps.shift()
    while (step !== undefined && unable.has(step.resolver)) step = steps.shift()
    if (step === undefined || isStopping()) {
      if (underWay === 0 || isStopping()) end(failure)
      return
    }
    patience = clock.after(health.patienceMs(step.resolver) * 2 ** step.round, next)
    attempt(step.resolver)
  }

  function attempt(resolver: Resolver): void {
    underWay++
    const number = ++latest
    exchange(resolver).then(
      (resolution) => {
        underWay--
        if (isOver) return
        if (resolution?.kind === 'found') {
          if (resolver !== request.resolvers[0]) counters.increment('dns.failovers')
          end(resolution)
          return
        }
        if (resolution !== undefined) failure = resolution
        // While others are being asked, the next has its turn when they have had their time.
        // Whoever was asked later still has time.
        if (number === latest || underWay === 0) next()
      },
      (error: unknown) => {
        isOver = true
        deadline.cancel()
        patience?.cancel()
        reject(error)
      },
    )
  }

  /** @returns nothing for silence */
  async function exchange(resolver: Resolver): Promise<Resolution | undefined> {
    let hasEdns = true
    let overUdp = await measured(resolver, hasEdns)
    // RFC 6891 §7: so says who does not know EDNS. DO cannot be said without it.
    if (
      overUdp.kind === 'failure' &&
      rcodeOf(overUdp.octets) === ResponseCode.formErr &&
      !request.isDnssecOk
    ) {
      hasEdns = false
      overUdp = await measured(resolver, hasEdns)
    }
    if (overUdp.kind === 'silence') return undefined
    const isCut = overUdp.kind === 'truncated'
    const reply = isCut ? await askBy(resolver, 'tcp', hasEdns) : overUdp
    if (reply.kind === 'answer') {
      try {
        return { kind: 'found', found: readFound(reply.octets) }
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
        counters.increment('dns.resolverMalformed')
        log.debug({ address: resolver.address, reason: error.message }, 'resolver sent a malformed answer')
      }
    }
    unable.add(resolver)
    const rcode = reply.kind === 'failure' ? rcodeOf(reply.octets) : ResponseCode.servFail
    return { kind: 'failed', rcode, reason: isCut ? 'truncation' : 'refusal' }
  }

  async function measured(resolver: Resolver, hasEdns: boolean): Promise<Reply> {
    const start = clock.monotonic()
    const reply = await askBy(resolver, 'udp', hasEdns)
    if (reply.kind !== 'silence') health.heard(resolver, clock.monotonic() - start)
    else if (!isStopping()) health.silent(resolver, reply.reason)
    return reply
  }

  function askBy(resolver: Resolver, transport: Transport, hasEdns: boolean): Promise<Reply> {
    return ask(options, { request, resolver, transport, hasEdns, timeoutMs: attemptMs })
  }

  const deadline = clock.after(totalMs, () => end(failure))
  for (const resolver of along) attempt(resolver)
  next()
  return promise
}

function rcodeOf(octets: Uint8Array): number {
  return readU16(octets, 2) & 15
}
