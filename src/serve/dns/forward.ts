/**
 * Other people's names for the site's clients: from the cache while TTLs last, else from the resolvers, else
 * from the cache all the same (RFC 8767). Clients who ask the same at the same time share one question, so two
 * servers that forward to each other do not talk for ever.
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Sockets } from '../../host/udp.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { ExtendedError, HeaderFlag, ResponseCode } from '../../proto/dns/registry.ts'
import type { ForwardRequest } from './answer.ts'
import { cacheKey, createCache, type Kept } from './cache.ts'
import { createHealth, type ResolverState } from './health.ts'
import { clientReply, emptyReply } from './relay.ts'
import { extendedError } from './reply.ts'
import { resolve, type Resolution } from './resolve.ts'

export type ForwarderOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Of queries to resolvers; unguessable numbers when absent. */
  readonly randomId?: () => number
}

export type Forwarder = {
  /**
   * The reply for the client at `address`: at once when it is known, SERVFAIL when nobody answers in time and
   * nothing is kept. Never rejects.
   */
  forward(request: ForwardRequest, address: string): Uint8Array | Promise<Uint8Array>
  states(resolvers: readonly Resolver[]): ResolverState[]
  /** What is kept. */
  size(): { readonly entries: number; readonly octets: number }
  /** Waits up to `graceMs` for the questions in flight, then ends them. */
  close(graceMs: number): Promise<void>
}

const limits = {
  /** Different questions, each of which holds a socket or two; a thousand are more than a rack asks at once. */
  questions: 1000,
  /** Queries that wait for them: of all clients, and of one, which may be a cluster's own name server. */
  waiting: 5000,
  waitingOfClient: 250,
}

/** RFC 8767 §5: the client response timer, before clients give up. */
const staleAfterMs = 1800

/** So long a question that failed is not put again: with a stale answer at hand, and without (RFC 8767 §5, RFC 9520 §3.2). */
const restMs = { stale: 30_000, nothing: 1000 }
const mostResting = 10_000

const tooMany = extendedError(ExtendedError.noReachableAuthority, 'too many questions in flight')
const failedBefore = extendedError(ExtendedError.cachedError, 'the resolvers failed a moment ago')
const reasons = {
  silence: extendedError(ExtendedError.noReachableAuthority, "none of the site's resolvers answers"),
  refusal: undefined,
  truncation: undefined,
}

type Failure = Extract<Resolution, { kind: 'failed' }>

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { log, counters, clock, randomId = () => randomInt(0x10000) } = options
  const cache = createCache(clock)
  const health = createHealth(options)
  const stops = new Set<() => void>()
  let isStopping = false
  const resolving = { ...options, randomId, stops, health, isStopping: () => isStopping }
  const inFlight = new Map<string, Promise<Resolution>>()
  const waitingOf = new Map<string, number>()
  let waiting = 0
  /** Questions that failed, and until when they are left alone; oldest first. */
  const resting = new Map<string, { readonly until: number; readonly failure: Failure }>()

  /** The question under way, which others may have put before. */
  function question(key: string, request: ForwardRequest): Promise<Resolution> {
    const pending = inFlight.get(key)
    if (pending !== undefined) {
      counters.increment('dns.shared')
      return pending
    }
    counters.increment('dns.forwarded')
    const resolution = resolve(resolving, request)
      .catch((error: unknown): Resolution => {
        // Our bug, not the resolver's: this client is told, the others are served all the same.
        counters.increment('dns.failures')
        log.error({ packet: Buffer.from(request.query).toString('hex'), err: error }, 'forwarding failed')
        return { kind: 'failed', rcode: ResponseCode.servFail, reason: 'refusal' }
      })
      .then((result) => {
        inFlight.delete(key)
        if (result.kind === 'found') {
          resting.delete(key)
          cache.keep(key, result.found)
        } else if (!isStopping) rest(key, result)
        return result
      })
    inFlight.set(key, resolution)
    return resolution
  }

  function rest(key: string, failure: Failure): void {
    counters.increment('dns.forwardFailed')
    const ms = cache.look(key) === undefined ? restMs.nothing : restMs.stale
    resting.delete(key)
    resting.set(key, { until: clock.monotonic() + ms, failure })
    for (const oldest of resting.keys()) {
      if (resting.size <= mostResting) break
      resting.delete(oldest)
    }
  }

  function stale(request: ForwardRequest, { found }: Kept): Uint8Array {
    counters.increment('dns.cacheStale')
    return clientReply(request, found, 'stale')
  }

  /** Why the question cannot be put now. */
  function obstacle(
    key: string,
    address: string,
  ): { rcode: number; option: Uint8Array | undefined } | undefined {
    const rested = resting.get(key)
    if (rested !== undefined && rested.until > clock.monotonic()) {
      return { rcode: rested.failure.rcode, option: failedBefore }
    }
    const isCrowded =
      waiting >= limits.waiting ||
      (waitingOf.get(address) ?? 0) >= limits.waitingOfClient ||
      (inFlight.size >= limits.questions && !inFlight.has(key))
    if (!isCrowded) return undefined
    counters.increment('dns.forwardOverflow')
    return { rcode: ResponseCode.servFail, option: tooMany }
  }

  async function wait(
    request: ForwardRequest,
    address: string,
    resolution: Promise<Resolution>,
    kept: Kept | undefined,
  ): Promise<Uint8Array> {
    waiting++
    waitingOf.set(address, (waitingOf.get(address) ?? 0) + 1)
    const late = Promise.withResolvers<undefined>()
    const timer = kept && clock.after(staleAfterMs, () => late.resolve(undefined))
    const result = await Promise.race([resolution, late.promise])
    timer?.cancel()
    waiting--
    const others = (waitingOf.get(address) as number) - 1
    if (others === 0) waitingOf.delete(address)
    else waitingOf.set(address, others)

    if (result?.kind === 'found') return clientReply(request, result.found, 0)
    if (kept !== undefined) return stale(request, kept)
    const { rcode, reason } = result as Failure // only what is kept is given before there is a result
    // A client that came by UDP may still have better luck by TCP.
    const isCut = reason === 'truncation' && request.transport === 'udp'
    return isCut
      ? emptyReply(request, ResponseCode.noError, HeaderFlag.recursionAvailable | HeaderFlag.truncated)
      : emptyReply(request, rcode, HeaderFlag.recursionAvailable, reasons[reason])
  }

  return {
    forward(request, address) {
      const key = cacheKey(request)
      const kept = cache.look(key)
      if (kept?.isFresh === true) {
        counters.increment('dns.cacheHits')
        if (kept.isEnding && obstacle(key, address) === undefined) void question(key, request)
        return clientReply(request, kept.found, kept.ageSeconds)
      }
      counters.increment('dns.cacheMisses')
      const prevented = obstacle(key, address)
      if (prevented !== undefined) {
        if (kept !== undefined) return stale(request, kept)
        return emptyReply(request, prevented.rcode, HeaderFlag.recursionAvailable, prevented.option)
      }
      const areAllSilent = health.areAllSilent(request.resolvers)
      const resolution = question(key, request)
      // Nobody is likely to answer; who does is heard all the same.
      if (kept !== undefined && areAllSilent) return stale(request, kept)
      return wait(request, address, resolution, kept)
    },

    states: (resolvers) => health.states(resolvers),
    size: () => cache.size(),

    async close(graceMs) {
      const stop = () => {
        isStopping = true
        for (const end of stops) end()
      }
      const timer = clock.after(graceMs, stop)
      await Promise.allSettled(inFlight.values())
      timer.cancel()
      stop()
    },
  }
}
