/**
 * Probes resolvers that do not answer: the status then shows soon that one answers again, also while no client sends
 * queries. A query for the name servers of the root is what every resolver answers.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { DnsPlan, Resolver } from '../../plan/dns/plan.ts'
import type { ResolverState } from './health.ts'
import type { ForwardRequest } from './query.ts'

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
