/**
 * Names outside the site, for the site's clients: from the cache while the TTL lasts, else from the resolvers, else
 * from the cache although the TTL has expired (RFC 8767). Concurrent queries for one question share one exchange, so
 * two servers that forward to each other do not loop.
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Sockets } from '../../host/udp.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { ExtendedError, HeaderFlag, ResponseCode } from '../../proto/dns/registry.ts'
import { resolveAliases } from './aliases.ts'
import { cacheKey, createCache, type Kept } from './cache.ts'
import type { DnsCode } from './codes.ts'
import { createHealth, type ResolverState } from './health.ts'
import type { ForwardRequest } from './query.ts'
import { clientReply, emptyReply } from './relay.ts'
import { extendedError } from './reply.ts'
import { resolve, type Resolution } from './resolve.ts'

export type ForwarderOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Returns the id of a query to a resolver; random when absent. */
  readonly randomId?: () => number
}

export type Forwarder = {
  /**
   * Returns the reply for the client at `address`: at once from the cache, SERVFAIL when no resolver answers in time
   * and the cache has nothing. Never rejects.
   */
  forward(request: ForwardRequest, address: string, isDeclared: boolean): Uint8Array | Promise<Uint8Array>
  states(resolvers: readonly Resolver[]): ResolverState[]
  /** Sends a query only to measure whether the resolver answers. Never rejects. */
  probe(request: ForwardRequest): Promise<unknown>
  /** Returns the size of the cache. */
  size(): { readonly entries: number; readonly octets: number }
  /** Waits up to `graceMs` for questions in flight, then ends them. */
  close(graceMs: number): Promise<void>
}

const limits = {
  /** Different questions in flight, each of which holds one or two sockets. */
  questions: 1000,
  /** The part of the questions that only declared nodes may use. */
  reservedQuestions: 250,
  /** Queries of all clients that wait for resolvers. */
  waiting: 5000,
  reservedWaiting: 1000,
  /** Queries of one client: a declared node may run the name server of a cluster. */
  waitingOfNode: 250,
  waitingOfOther: 100,
}

/** RFC 8767 §5: the client response timer, shorter than the time-out of clients. */
const staleAfterMs = 1800

/** A failed question is not sent again for this time: with a stale answer, and without (RFC 8767 §5, RFC 9520 §3.2). */
const restMs = { stale: 30_000, nothing: 1000 }
const maxResting = 10_000

const tooMany = extendedError(ExtendedError.noReachableAuthority, 'too many queries in flight')
const failedBefore = extendedError(ExtendedError.cachedError, 'the resolvers failed a moment ago')
const reasons = {
  timeout: extendedError(ExtendedError.noReachableAuthority, "none of the site's resolvers answers"),
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
  /** Failed questions, and when they may be sent again; oldest first. */
  const resting = new Map<string, { readonly until: number; readonly failure: Failure }>()

  /** Returns the exchange in flight for a question, or starts it. */
  function question(key: string, request: ForwardRequest): Promise<Resolution> {
    const pending = inFlight.get(key)
    if (pending !== undefined) {
      counters.increment('dns.shared')
      return pending
    }
    counters.increment('dns.forwarded')
    const resolution = resolveAliases(request, (each) => resolve(resolving, each), clock)
      .catch((error: unknown): Resolution => {
        // A bug must not affect other clients.
        counters.increment('dns.failures')
        const code: DnsCode = 'dns.forwarding-failed'
        log.error(
          { code, packet: Buffer.from(request.query).toString('hex'), err: error },
          'forwarding failed',
        )
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
      if (resting.size <= maxResting) break
      resting.delete(oldest)
    }
  }

  function stale(request: ForwardRequest, { found }: Kept): Uint8Array {
    counters.increment('dns.cacheStale')
    return clientReply(request, found, 'stale')
  }

  /** Returns why the question cannot be sent now. */
  function obstacle(
    key: string,
    address: string,
    isDeclared: boolean,
  ): { rcode: number; option: Uint8Array | undefined } | undefined {
    const rested = resting.get(key)
    if (rested !== undefined && rested.until > clock.monotonic()) {
      return { rcode: rested.failure.rcode, option: failedBefore }
    }
    const reserve = isDeclared ? 0 : 1
    const isCrowded =
      waiting >= limits.waiting - reserve * limits.reservedWaiting ||
      (waitingOf.get(address) ?? 0) >= (isDeclared ? limits.waitingOfNode : limits.waitingOfOther) ||
      (inFlight.size >= limits.questions - reserve * limits.reservedQuestions && !inFlight.has(key))
    if (!isCrowded) return undefined
    counters.increment('dns.forwardOverflow')
    counters.refuse('dns.forward-limit' satisfies DnsCode)
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
    const { rcode, reason } = result as Failure // without a cached answer, there is only one promise to wait for
    // The answer may fit over TCP.
    const isCut = reason === 'truncation' && request.transport === 'udp'
    return isCut
      ? emptyReply(request, ResponseCode.noError, HeaderFlag.recursionAvailable | HeaderFlag.truncated)
      : emptyReply(request, rcode, HeaderFlag.recursionAvailable, reasons[reason])
  }

  return {
    forward(request, address, isDeclared) {
      const key = cacheKey(request)
      const kept = cache.look(key)
      if (kept?.isFresh === true) {
        counters.increment('dns.cacheHits')
        if (kept.isEnding && obstacle(key, address, isDeclared) === undefined) void question(key, request)
        return clientReply(request, kept.found, kept.ageSeconds)
      }
      counters.increment('dns.cacheMisses')
      const prevented = obstacle(key, address, isDeclared)
      if (prevented !== undefined) {
        if (kept !== undefined) return stale(request, kept)
        return emptyReply(request, prevented.rcode, HeaderFlag.recursionAvailable, prevented.option)
      }
      const areAllUnreachable = health.areAllUnreachable(request.resolvers)
      const resolution = question(key, request)
      // No resolver is likely to answer; an answer that comes later is cached.
      if (kept !== undefined && areAllUnreachable) return stale(request, kept)
      return wait(request, address, resolution, kept)
    },

    states: (resolvers) => health.states(resolvers),
    probe: (request) => resolve(resolving, request).catch(() => undefined),
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
