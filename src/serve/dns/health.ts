/**
 * Which resolvers answer, and how quickly: measured from the questions that they are asked anyway. One that
 * stays silent is left out and asked along now and then, until it answers again.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Resolver } from '../../plan/dns/plan.ts'

/** A resolver as people see it. */
export type ResolverState = {
  readonly address: string
  readonly isAnswering: boolean
  /** A smoothed round trip; absent before the first answer. */
  readonly latencyMs?: number
}

export type Health = {
  /** Whom to ask one after another, and who is asked along with the first to see whether it is back. */
  order(resolvers: readonly Resolver[]): {
    readonly first: readonly Resolver[]
    readonly along: readonly Resolver[]
  }
  areAllSilent(resolvers: readonly Resolver[]): boolean
  /** How long to wait for this one before the next is asked as well. */
  patienceMs(resolver: Resolver): number
  heard(resolver: Resolver, roundTripMs: number): void
  silent(resolver: Resolver, reason: string): void
  states(resolvers: readonly Resolver[]): ResolverState[]
}

type State = {
  /** Smoothed round trip and its variation (RFC 6298 §2); absent before the first answer. */
  measured: { smoothMs: number; variationMs: number } | undefined
  /** In a row. */
  silences: number
  /** When it is asked along again, and how long after that. */
  probeAt: number
  probeDelayMs: number
}

/** A single datagram may be lost. */
const silencesUntilOut = 2

const probeMs = { first: 1000, most: 30_000 }

/** Names that a resolver has to look for itself take longer than its round trip. */
const patience = { unmeasuredMs: 400, leastMs: 200, mostMs: 1000 }

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

  function stateOf({ address, port }: Resolver): State {
    const key = `${address}#${port}`
    const known = states.get(key)
    if (known !== undefined) return known
    const state: State = { measured: undefined, silences: 0, probeAt: 0, probeDelayMs: probeMs.first }
    states.set(key, state)
    return state
  }

  const isOut = (resolver: Resolver) => stateOf(resolver).silences >= silencesUntilOut

  return {
    order(resolvers) {
      const first = resolvers.filter((resolver) => !isOut(resolver))
      const out = resolvers.filter(isOut)
      if (first.length === 0) return { first: out, along: [] }
      const along = out.filter((resolver) => stateOf(resolver).probeAt <= clock.monotonic())
      for (const resolver of along) postpone(stateOf(resolver))
      return { first: [...first, ...out.filter((resolver) => !along.includes(resolver))], along }
    },

    areAllSilent: (resolvers) => resolvers.every(isOut),

    patienceMs(resolver) {
      const { measured } = stateOf(resolver)
      if (measured === undefined) return patience.unmeasuredMs
      const { smoothMs, variationMs } = measured
      return Math.min(patience.mostMs, Math.max(patience.leastMs, Math.ceil(smoothMs + 4 * variationMs)))
    },

    heard(resolver, roundTripMs) {
      const state = stateOf(resolver)
      if (isOut(resolver)) log.info({ address: resolver.address }, 'resolver answers again')
      state.silences = 0
      state.probeDelayMs = probeMs.first
      state.measured = smoothed(state.measured, roundTripMs)
    },

    silent(resolver, reason) {
      counters.increment('dns.resolverSilences')
      const state = stateOf(resolver)
      state.silences++
      if (state.silences !== silencesUntilOut) return
      state.probeAt = clock.monotonic() + state.probeDelayMs
      log.warn({ address: resolver.address, reason }, 'resolver does not answer')
    },

    states: (resolvers) =>
      resolvers.map((resolver) => {
        const { measured } = stateOf(resolver)
        const state = { address: resolver.address, isAnswering: !isOut(resolver) }
        return measured === undefined ? state : { ...state, latencyMs: Math.round(measured.smoothMs) }
      }),
  }

  function postpone(state: State): void {
    state.probeDelayMs = Math.min(probeMs.most, state.probeDelayMs * 2)
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
