/**
 * The load balancer as the rest of the program sees it: a plan is applied, a node is taken out and put back,
 * and somebody always knows how every server is. One for the whole process; all it does to HAProxy is
 * done one after the other.
 */
import type { Timer } from '../../host/clock.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { applyHaproxy, type Applied, type ApplyContext } from './apply.ts'
import { askHaproxy } from './ask.ts'
import { serverStates, type ServerState } from './servers.ts'
import { parseStat } from './stat.ts'

export type BalancerState = {
  /** How the last change went. */
  readonly applied: Applied
  /** Why HAProxy cannot be asked how its servers are. */
  readonly unreachable?: string
  /** Of every node in every back end; none when HAProxy cannot be asked. */
  readonly servers: readonly ServerState[]
  /** Keys of nodes that were taken out, beside those that the site takes out. */
  readonly out: readonly string[]
}

export type Balancer = {
  /** Writes and reloads what changed. Never rejects. */
  apply(plan: HaproxyPlan | undefined): Promise<Applied>
  /**
   * Ends new connections to a node in all its back ends; those that it has may end. Stays so over reloads until it is put back.
   *
   * @returns `kept` when nobody would be left in one of them
   */
  takeOut(node: string): Promise<Applied | Kept>
  putBack(node: string): Promise<Applied>
  state(): BalancerState
  close(): void
}

export type Kept = { readonly outcome: 'kept'; readonly reason: string }

export type BalancerOptions = ApplyContext & {
  /** Keys of nodes that were taken out before this process began. */
  readonly out?: ReadonlySet<string>
}

/** A change is seen within this time. */
const watchEveryMs = 5000

export function createBalancer(options: BalancerOptions): Balancer {
  const { log, counters, clock } = options
  const out = new Set(options.out)
  let plan: HaproxyPlan | undefined
  let applied: Applied = { outcome: 'none' }
  let servers: readonly ServerState[] = []
  /** What was last known for certain, by back end and server. */
  const wasUp = new Map<string, boolean>()
  let unreachable: string | undefined
  let watch: Timer | undefined
  let isClosed = false
  let previous: Promise<unknown> = Promise.resolve()

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = previous.then(act)
    previous = result
    return result
  }

  async function applyNow(): Promise<Applied> {
    applied = plan === undefined ? { outcome: 'none' } : await applyHaproxy(plan, out, options)
    await look()
    return applied
  }

  /** Asks HAProxy how its servers are, now and from then on. */
  async function look(): Promise<void> {
    watch?.cancel()
    if (plan === undefined) {
      ;[servers, unreachable] = [[], undefined]
      return
    }
    const answer = await askHaproxy(plan.socket, 'show stat', clock)
    if (answer.kind === 'answer') heard(serverStates(plan, out, parseStat(answer.text), clock.now()))
    else silent(answer.reason)
    await finishDraining(plan)
    if (!isClosed) watch = clock.after(watchEveryMs, () => void inTurn(look))
  }

  function heard(next: readonly ServerState[]): void {
    if (unreachable !== undefined) log.info({ socket: plan?.socket }, 'haproxy answers')
    unreachable = undefined
    for (const { node, backend, server, isUp, isTested, isOut, sentence } of next) {
      const key = `${backend}/${server}`
      if (isOut || !isTested) continue
      const before = wasUp.get(key) ?? true
      wasUp.set(key, isUp)
      if (before === isUp) continue
      counters.increment(isUp ? 'haproxy.serversUp' : 'haproxy.serversDown')
      if (isUp) log.info({ node, backend, reason: sentence }, 'server is up')
      else log.warn({ node, backend, reason: sentence }, 'server is down')
    }
    servers = next
  }

  function silent(reason: string): void {
    if (unreachable !== reason) log.warn({ reason }, 'haproxy does not tell how its servers are')
    unreachable = reason
    servers = []
  }

  /** A server that lost its last connection is not checked any more: what was taken out may be switched off. */
  async function finishDraining({ socket }: HaproxyPlan): Promise<void> {
    // One that is still up runs under a configuration that does not have it out: a reload failed.
    const drained = servers.filter(
      ({ isOut, status, connections }) =>
        isOut && connections === 0 && (status === 'DRAIN' || status === 'DOWN'),
    )
    for (const { node, backend, server } of drained) {
      const answer = await askHaproxy(socket, `set server ${backend}/${server} state maint`, clock)
      const isDone = answer.kind === 'answer' && answer.text.trim() === ''
      if (isDone) log.info({ node, backend }, 'server has no connections left')
    }
  }

  return {
    apply: (next) =>
      inTurn(() => {
        plan = next
        return applyNow()
      }),
    takeOut: (node) =>
      inTurn(async () => {
        await look()
        const reason = lastOf(servers, node)
        if (reason !== undefined) return { outcome: 'kept', reason }
        out.add(node)
        return applyNow()
      }),
    putBack: (node) =>
      inTurn(() => {
        out.delete(node)
        return applyNow()
      }),
    state: () => ({ applied, ...(unreachable === undefined ? {} : { unreachable }), servers, out: [...out] }),
    close() {
      isClosed = true
      watch?.cancel()
    },
  }
}

/** Why clients would find nobody without the node; nothing when others are up, or when nobody knows. */
function lastOf(servers: readonly ServerState[], node: string): string | undefined {
  for (const own of servers.filter((server) => server.node === node && server.isUp)) {
    const others = servers.filter(({ backend }) => backend === own.backend)
    if (!others.some((other) => other.node !== node && other.isUp)) {
      return `${own.server} is the only server of ${own.backend} that is up`
    }
  }
  return undefined
}
