/**
 * The load balancer as the rest of the program sees it: a plan is applied, a node is taken out and put back,
 * and somebody always knows how every server is. One for the whole process; all it does to HAProxy is
 * done one after the other.
 */
import type { Timer } from '../../host/clock.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { applyHaproxy, hasFailed, type Applied, type ApplyContext } from './apply.ts'
import { queryHaproxy } from './runtime-api.ts'
import {
  hasConnections,
  findDraining,
  placesOf,
  withDraining,
  without,
  type DrainingServer,
} from './draining.ts'
import { isBehind, serverStates, type ServerState, unproven } from './servers.ts'
import { parseStat, serverKey, type Stat } from './stat.ts'

export type BalancerState = {
  /** How the last change went. */
  readonly applied: Applied
  /** Why HAProxy cannot be asked how its servers are. */
  readonly unreachable?: string
  /** Of every node in every back end, and of those that leave; none when HAProxy cannot be asked. */
  readonly servers: readonly ServerState[]
  /** Keys of nodes that were taken out, beside those that the site takes out. */
  readonly out: readonly string[]
}

export type Balancer = {
  /**
   * Writes and reloads what changed. A server that the plan has no more gets no new connections, and is gone when
   * those that it has are over. Never rejects.
   */
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
/** And within this time after a new file that others reload HAProxy with (systemd): its new process has forgotten who is down. */
const watchSoonMs = 500
const soonForMs = 10_000

export function createBalancer(options: BalancerOptions): Balancer {
  const { log, counters, clock } = options
  const out = new Set(options.out)
  /** What the site says. */
  let plan: HaproxyPlan | undefined
  /** What HAProxy was given last and took: with those that leave, taken out. */
  let running: HaproxyPlan | undefined
  let leaving: readonly DrainingServer[] = []
  let applied: Applied = { outcome: 'none' }
  let servers: readonly ServerState[] = []
  /** What HAProxy said last; nothing when it cannot be asked. */
  let stats: readonly Stat[] | undefined
  let unreachable: string | undefined
  /** What was last known for certain, by back end and server. */
  const wasUp = new Map<string, boolean>()
  let writtenAt: number | undefined
  /** Since HAProxy was asked last. */
  let isReloaded = false
  let watch: Timer | undefined
  let isClosed = false
  let previous: Promise<unknown> = Promise.resolve()

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = previous.then(act)
    previous = result
    return result
  }

  async function applyNow(): Promise<Applied> {
    const isFirst = running === undefined
    if (plan === undefined) [running, leaving, applied] = [undefined, [], { outcome: 'none' }]
    else applied = await change(plan)
    if (applied.outcome === 'written') writtenAt = clock.monotonic()
    await look()
    if (isFirst && plan !== undefined) await catchUp(plan)
    await letGo()
    return applied
  }

  /** Whoever wrote the file may have ended before HAProxy was reloaded. */
  async function catchUp(first: HaproxyPlan): Promise<void> {
    if (applied.outcome !== 'unchanged' || stats === undefined || first.reload === undefined) return
    if (!isBehind(first, servers, stats)) return
    log.warn({ file: first.file }, 'haproxy runs with another configuration than its file')
    applied = await give(first, true)
    await look()
  }

  /** Servers that leave stay as long as HAProxy need only be told; a reload does without them at once. */
  async function change(next: HaproxyPlan): Promise<Applied> {
    const leavers = findDraining(running, next, leaving, clock.monotonic())
    if (leavers.length > 0) await ask(next)
    // While HAProxy cannot be asked, nobody would see the end of their connections.
    const isWaiting = stats !== undefined && hasConnections(leavers, stats, clock.monotonic())
    const kept = isWaiting ? withDraining(running, next, leavers) : undefined
    if (kept !== undefined) {
      const done = await give({ ...kept, reload: undefined })
      if (hasFailed(done)) return done
      took(kept, leavers)
      // It was written only: HAProxy cannot be told.
      if (done.outcome !== 'written') return done
    }
    const done = await give(next)
    if (!hasFailed(done)) took(next, [])
    return done
  }

  async function give(given: HaproxyPlan, isBehind = false): Promise<Applied> {
    const done = await applyHaproxy(given, out, { ...options, isBehind })
    // One that failed may have begun a new process all the same.
    if (done.outcome === 'reloaded' || done.outcome === 'reload failed') isReloaded = true
    return done
  }

  function took(given: HaproxyPlan, leavers: readonly DrainingServer[]): void {
    for (const { backend, server } of without(leavers, leaving)) {
      log.info({ node: server.node, backend }, 'server leaves haproxy, the site has it no more')
    }
    for (const { backend, server } of without(placesOf(running), placesOf(given))) {
      const stat = stats?.find((each) => each.backend === backend && each.server === server.name)
      const facts = { node: server.node, backend, connections: stat?.connections }
      log.info(facts, "server is gone from haproxy's configuration")
    }
    ;[running, leaving] = [given, leavers]
  }

  /** The end of those that leave: one reload for all of them. When it fails, the next change tries it again. */
  async function letGo(): Promise<void> {
    if (plan === undefined || leaving.length === 0 || isClosed || hasFailed(applied)) return
    if (hasConnections(leaving, stats, clock.monotonic())) return
    applied = await change(plan)
    await look()
  }

  /** Asks HAProxy how its servers are, now and from then on. */
  async function look(): Promise<void> {
    watch?.cancel()
    if (plan === undefined) {
      ;[servers, stats, unreachable] = [[], undefined, undefined]
      return
    }
    const before = stats ?? []
    await ask(plan)
    await doubt(plan, before)
    if (stats !== undefined) compare(serverStates(plan, out, leaving, stats, clock.now()))
    await finishDraining(plan)
    const isSoon = writtenAt !== undefined && clock.monotonic() - writtenAt < soonForMs
    const delayMs = isSoon ? watchSoonMs : watchEveryMs
    if (!isClosed) watch = clock.after(delayMs, () => void inTurn(() => look().then(letGo)))
  }

  /** After a reload, whoever's it was. */
  async function doubt(current: HaproxyPlan, before: readonly Stat[]): Promise<void> {
    const own = new Set(current.backends.map(({ name }) => name))
    const doubted = unproven(before, stats ?? [], own, isReloaded)
    isReloaded = false
    for (const { backend, server } of doubted) {
      const question = `set server ${backend}/${server} health down`
      const answer = await queryHaproxy(current.socket, question, clock)
      const isDone = answer.kind === 'answer' && answer.text.trim() === ''
      if (isDone) log.info({ backend, server }, 'server has to pass its checks first')
    }
    if (doubted.length > 0) await ask(current)
  }

  async function ask({ socket }: HaproxyPlan): Promise<void> {
    const answer = await queryHaproxy(socket, 'show stat', clock)
    if (answer.kind === 'answer') {
      if (unreachable !== undefined) log.info({ socket }, 'haproxy answers')
      ;[stats, unreachable] = [parseStat(answer.text), undefined]
      return
    }
    const { reason } = answer
    if (unreachable !== reason) log.warn({ reason }, 'haproxy does not tell how its servers are')
    ;[servers, stats, unreachable] = [[], undefined, reason]
  }

  function compare(next: readonly ServerState[]): void {
    for (const { node, backend, server, isUp, isTested, isOut, sentence } of next) {
      const key = serverKey(backend, server)
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

  /** A server that lost its last connection is not checked any more: what was taken out may be switched off. */
  async function finishDraining({ socket }: HaproxyPlan): Promise<void> {
    // One that is still up runs under a configuration that does not have it out: a reload failed.
    const drained = servers.filter(
      ({ isOut, status, connections }) =>
        isOut && connections === 0 && (status === 'DRAIN' || status === 'DOWN'),
    )
    for (const { node, backend, server } of drained) {
      const answer = await queryHaproxy(socket, `set server ${backend}/${server} state maint`, clock)
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
