/**
 * Which resolvers answer, and how quickly, measured from the forwarded queries. A resolver that does not answer is
 * skipped and probed from time to time until it answers again.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { formatResolver, type DnsPlan, type Resolver } from '../../plan/dns/plan.ts'
import type { DnsCode } from './codes.ts'
import type { ForwardRequest } from './query.ts'

/** The state of a resolver, for status and health. */
export type ResolverState = {
  readonly address: string
  readonly isAnswering: boolean
  /** The smoothed round-trip time; absent before the first answer. */
  readonly latencyMs?: number
  /** When it stopped answering, in milliseconds since 1970; absent while it answers. */
  readonly since?: number
}

export type Health = {
  /** Returns the order of queries, and the resolvers to probe together with the first query. */
  order(resolvers: readonly Resolver[]): {
    readonly first: readonly Resolver[]
    readonly probed: readonly Resolver[]
  }
  areAllUnreachable(resolvers: readonly Resolver[]): boolean
  /** Returns how long to wait for this resolver before the next one is queried too. */
  hedgeMs(resolver: Resolver): number
  recordAnswer(resolver: Resolver, roundTripMs: number): void
  recordTimeout(resolver: Resolver, reason: string): void
  /** The resolver answered, but does not resolve the name. The order stays: it may be the right one for other names. */
  recordLame(resolver: Resolver): void
  states(resolvers: readonly Resolver[]): ResolverState[]
}

type State = {
  /** Smoothed round-trip time and its variation (RFC 6298 §2); absent before the first answer. */
  measured: { smoothMs: number; variationMs: number } | undefined
  /** Consecutive time-outs. */
  timeouts: number
  /** When the last time-out made the resolver count as unreachable. */
  outSince: number
  /** The time of the next probe, and the delay of the one after it. */
  probeAt: number
  probeDelayMs: number
  /** Logged once: a server of a single zone is lame for all other names. */
  isLameLogged: boolean
}

/** A single datagram may be lost. */
const timeoutsUntilOut = 2

const probeMs = { first: 1000, max: 30_000 }

/** Names that a resolver does not have in its cache take longer than its round-trip time. */
const hedge = { unmeasuredMs: 400, minMs: 200, maxMs: 1000 }

export function createHealth({
  clock,
  log,
  counters,
}: {
  clock: Clock
  log: Log
  counters: Counters
}): Health {
  const states = new Map<string, State>()

  function stateOf(resolver: Resolver): State {
    const key = formatResolver(resolver)
    const known = states.get(key)
    if (known !== undefined) return known
    const state: State = {
      measured: undefined,
      timeouts: 0,
      outSince: 0,
      probeAt: 0,
      probeDelayMs: probeMs.first,
      isLameLogged: false,
    }
    states.set(key, state)
    return state
  }

  const isOut = (resolver: Resolver) => stateOf(resolver).timeouts >= timeoutsUntilOut

  return {
    order(resolvers) {
      const first = resolvers.filter((resolver) => !isOut(resolver))
      const out = resolvers.filter(isOut)
      if (first.length === 0) return { first: out, probed: [] }
      const probed = out.filter((resolver) => stateOf(resolver).probeAt <= clock.monotonic())
      for (const resolver of probed) postpone(stateOf(resolver))
      return { first: [...first, ...out.filter((resolver) => !probed.includes(resolver))], probed }
    },

    areAllUnreachable: (resolvers) => resolvers.every(isOut),

    hedgeMs(resolver) {
      const { measured } = stateOf(resolver)
      if (measured === undefined) return hedge.unmeasuredMs
      const { smoothMs, variationMs } = measured
      return Math.min(hedge.maxMs, Math.max(hedge.minMs, Math.ceil(smoothMs + 4 * variationMs)))
    },

    recordAnswer(resolver, roundTripMs) {
      const state = stateOf(resolver)
      if (isOut(resolver)) log.info({ address: formatResolver(resolver) }, 'resolver reachable again')
      state.timeouts = 0
      state.probeDelayMs = probeMs.first
      state.measured = smoothed(state.measured, roundTripMs)
    },

    recordTimeout(resolver, reason) {
      counters.increment('dns.resolverSilences')
      const state = stateOf(resolver)
      state.timeouts++
      if (state.timeouts !== timeoutsUntilOut) return
      state.outSince = clock.now()
      state.probeAt = clock.monotonic() + state.probeDelayMs
      const code: DnsCode = 'dns.resolver-unreachable'
      log.warn({ code, address: formatResolver(resolver), reason }, 'resolver unreachable')
    },

    recordLame(resolver) {
      counters.increment('dns.resolverLame')
      const state = stateOf(resolver)
      if (state.isLameLogged) return
      state.isLameLogged = true
      const code: DnsCode = 'dns.resolver-lame'
      log.warn({ code, address: formatResolver(resolver) }, 'resolver answered without resolving the name')
    },

    states: (resolvers) =>
      resolvers.map((resolver) => {
        const { measured, outSince } = stateOf(resolver)
        const isAnswering = !isOut(resolver)
        const state = {
          address: formatResolver(resolver),
          isAnswering,
          ...(isAnswering ? {} : { since: outSince }),
        }
        return measured === undefined ? state : { ...state, latencyMs: Math.round(measured.smoothMs) }
      }),
  }

  function postpone(state: State): void {
    state.probeDelayMs = Math.min(probeMs.max, state.probeDelayMs * 2)
    state.probeAt = clock.monotonic() + state.probeDelayMs
  }
}

function smoothed(measured: State['measured'], roundTripMs: number): NonNullable<State['measured']> {
  if (measured === undefined) return { smoothMs: roundTripMs, variationMs: roundTripMs / 2 }
  const { smoothMs, variationMs } = measured
  return {
    smoothMs: smoothMs + (roundTripMs - smoothMs) / 8,
    variationMs: variationMs + (Math.abs(smoothMs - roundTripMs) - variationMs) / 4,
  }
}

// Probes of resolvers that do not answer: the status soon shows that one answers again, even while no client sends queries.
// Every resolver answers a query for the name servers of the root.

const intervalMs = 15_000

/** `. NS IN` with RD; the id is replaced. */
const query = Uint8Array.of(0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1)

export function probeRequest(plan: DnsPlan, resolver: Resolver): ForwardRequest {
  return {
    plan,
    resolvers: [resolver],
    query,
    transport: 'udp',
    limitOctets: 1232,
    end: query.length,
    hasEdns: false,
    isDnssecOk: false,
    clientOptions: undefined,
  }
}

export type Prober = { close(): void }

type ProberOptions = {
  readonly clock: Clock
  readonly resolvers: () => readonly Resolver[]
  readonly states: (resolvers: readonly Resolver[]) => readonly ResolverState[]
  /** Records the result; never rejects. */
  readonly probe: (resolver: Resolver) => Promise<unknown>
}

/** Starts to probe; a resolver that answers gets no probes. */
export function createProber({ clock, resolvers, states, probe }: ProberOptions): Prober {
  let timer: Timer
  let isClosed = false

  async function run(): Promise<void> {
    const all = resolvers()
    const out = states(all).flatMap(({ isAnswering }, index) => (isAnswering ? [] : [all[index] as Resolver]))
    await Promise.all(out.map(probe))
    if (!isClosed) start()
  }

  function start(): void {
    timer = clock.after(intervalMs, () => void run())
  }

  start()
  return {
    close() {
      isClosed = true
      timer.cancel()
    },
  }
}
