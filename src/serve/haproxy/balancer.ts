/**
 * The load balancer: applies plans, drains and enables nodes, and watches the state of every server. There is one for
 * the process; its actions on HAProxy run one after the other.
 */
import type { Timer } from '../../host/clock.ts'
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { applyHaproxy, hasFailed, type Applied, type ApplyContext } from './apply.ts'
import type { HaproxyCode } from './codes.ts'
import {
  hasConnections,
  findDraining,
  slotsOf,
  withDraining,
  without,
  type DrainingServer,
} from './draining.ts'
import { queryHaproxy, parseStat, serverKey, type Stat } from './runtime-api.ts'
import { isBehind, isOutage, serverStates, type ServerState, unverifiedServers } from './servers.ts'

export type BalancerState = {
  /** The result of the last change. */
  readonly applied: Applied
  /** Whether a change is in progress: HAProxy is being reloaded, or does not end its reload. */
  readonly isChanging?: boolean
  /** Why HAProxy does not report the state of its servers. */
  readonly unreachable?: string
  /** Every node in every backend, and the draining servers; empty when HAProxy does not report. */
  readonly servers: readonly ServerState[]
  /** Keys of drained nodes, beside those that the site file disables. */
  readonly out: readonly string[]
  /** The latest servers that were removed from the configuration, oldest first. */
  readonly removed?: readonly RemovedServer[]
}

export type RemovedServer = Pick<ServerState, 'node' | 'backend' | 'server'> & {
  /** Connections when it was removed; undefined when HAProxy did not report them. */
  readonly connections: number | undefined
}

export type Balancer = {
  /**
   * Writes the configuration and reloads HAProxy if it changed. A removed server gets no new connections, and is
   * removed when its connections have ended. Never rejects.
   */
  apply(plan: HaproxyPlan | undefined): Promise<Applied>
  /**
   * Drains a node in all its backends: no new connections, existing ones continue. Reloads do not change that.
   *
   * @returns `kept` when a backend would have no available server
   */
  drain(node: string): Promise<Applied | Kept>
  /** Ends a {@link drain}. */
  enable(node: string): Promise<Applied>
  state(): BalancerState
  close(): void
}

export type Kept = { readonly outcome: 'kept'; readonly code: HaproxyCode; readonly reason: string }

export type BalancerOptions = ApplyContext & {
  /** Keys of nodes that an earlier process drained. */
  readonly out?: ReadonlySet<string>
  /** Returns a predicate: whether the servers of a node should be up; all should if absent. */
  readonly expected?: () => (node: string) => boolean
}

/** The interval of polling the server states. */
const watchEveryMs = 5000
/** The interval after writing a file that systemd reloads: the new process of HAProxy treats all servers as up. */
const watchSoonMs = 500
const soonForMs = 10_000
/** The bound on {@link BalancerState.removed}. */
const rememberedRemovals = 256

export function createBalancer(options: BalancerOptions): Balancer {
  const { log, counters, clock, expected = () => () => true } = options
  const out = new Set(options.out)
  /** The plan of the site. */
  let plan: HaproxyPlan | undefined
  /** The plan that HAProxy runs: the plan of the site with draining servers. */
  let running: HaproxyPlan | undefined
  let draining: readonly DrainingServer[] = []
  let applied: Applied = { outcome: 'none' }
  let servers: readonly ServerState[] = []
  let removals: readonly RemovedServer[] = []
  /** The last report of HAProxy; absent when it is unreachable. */
  let stats: readonly Stat[] | undefined
  let unreachable: string | undefined
  /** Servers that were up in this process. */
  const wereUp = new Set<string>()
  /** Servers whose outage was logged. */
  const wereDown = new Set<string>()
  let writtenAt: number | undefined
  /** Whether HAProxy was reloaded since its last report. */
  let isReloaded = false
  let watch: Timer | undefined
  let isClosed = false
  let previous: Promise<unknown> = Promise.resolve()
  /** The plan of the next change, and the change if it has not started yet: later plans replace earlier ones. */
  let wanted: HaproxyPlan | undefined
  let waiting: Promise<Applied> | undefined
  let changes = 0

  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const result = previous.then(act)
    previous = result
    return result
  }

  async function applyNow(): Promise<Applied> {
    const isFirst = running === undefined
    if (plan === undefined) [running, draining, applied] = [undefined, [], { outcome: 'none' }]
    else applied = await change(plan)
    if (applied.outcome === 'written') writtenAt = clock.monotonic()
    await poll()
    if (isFirst && plan !== undefined) await catchUp(plan)
    await removeDrained()
    return applied
  }

  /** An earlier process may have ended between writing the file and reloading HAProxy. */
  async function catchUp(first: HaproxyPlan): Promise<void> {
    if (applied.outcome !== 'unchanged' || stats === undefined || first.reload === undefined) return
    if (!isBehind(first, servers, stats)) return
    const code: HaproxyCode = 'haproxy.config-differs'
    log.warn({ file: first.file, code }, 'HAProxy runs a configuration that differs from its file')
    applied = await give(first, true)
    await poll()
  }

  /** Removed servers stay in the file as long as the Runtime API suffices; a reload removes them at once. */
  async function change(next: HaproxyPlan): Promise<Applied> {
    const removed = findDraining(running, next, draining, clock.monotonic())
    if (removed.length > 0) await updateStats(next)
    // Without reports of HAProxy the end of their connections is not visible.
    const isWaiting = stats !== undefined && hasConnections(removed, stats, clock.monotonic())
    const kept = isWaiting ? withDraining(running, next, removed) : undefined
    if (kept !== undefined) {
      const done = await give({ ...kept, reload: undefined })
      if (hasFailed(done)) return done
      accept(kept, removed)
      // `written`: the Runtime API is not available.
      if (done.outcome !== 'written') return done
    }
    const done = await give(next)
    if (!hasFailed(done)) accept(next, [])
    return done
  }

  async function give(given: HaproxyPlan, isBehind = false): Promise<Applied> {
    const done = await applyHaproxy(given, out, { ...options, isBehind })
    // A failed reload may have started a new process anyway.
    if (done.outcome === 'reloaded' || done.outcome === 'reload failed') isReloaded = true
    return done
  }

  function accept(given: HaproxyPlan, removed: readonly DrainingServer[]): void {
    for (const { backend, server } of without(removed, draining)) {
      log.info({ node: server.node, backend }, 'draining server: removed from the site')
    }
    const gone = without(slotsOf(running), slotsOf(given)).map(({ backend, server }): RemovedServer => {
      const stat = stats?.find((each) => each.backend === backend && each.server === server.name)
      const facts = { node: server.node, backend, connections: stat?.connections }
      log.info(facts, 'server removed from the HAProxy configuration')
      return { ...facts, server: server.name }
    })
    const all = [...removals, ...gone].map(
      (removed) => [serverKey(removed.backend, removed.server), removed] as const,
    )
    const latest = new Map(all)
    for (const { backend, server } of slotsOf(given)) latest.delete(serverKey(backend, server.name))
    removals = [...latest.values()].slice(-rememberedRemovals)
    ;[running, draining] = [given, removed]
  }

  /** Removes all drained servers with one reload. When it fails, the next change repeats it. */
  async function removeDrained(): Promise<void> {
    if (plan === undefined || draining.length === 0 || isClosed || hasFailed(applied)) return
    if (hasConnections(draining, stats, clock.monotonic())) return
    applied = await change(plan)
    await poll()
  }

  /** Reads the state of all servers, and schedules the next poll. */
  async function poll(): Promise<void> {
    watch?.cancel()
    if (plan === undefined) {
      ;[servers, stats, unreachable] = [[], undefined, undefined]
      return
    }
    const before = stats ?? []
    await updateStats(plan)
    await holdDownUnverified(plan, before)
    if (stats !== undefined) {
      const isInstalled = expected()
      const isExpected = (node: string, key: string) => wereUp.has(key) || isInstalled(node)
      compare(serverStates(plan, out, draining, stats, clock.now(), isExpected))
    }
    await finishDraining(plan)
    const isSoon = writtenAt !== undefined && clock.monotonic() - writtenAt < soonForMs
    const delayMs = isSoon ? watchSoonMs : watchEveryMs
    if (!isClosed) watch = clock.after(delayMs, () => void inTurn(() => poll().then(removeDrained)))
  }

  /** After a reload, also one by another program, servers without a check must not get traffic. */
  async function holdDownUnverified(current: HaproxyPlan, before: readonly Stat[]): Promise<void> {
    const own = new Set(current.backends.map(({ name }) => name))
    const unverified = unverifiedServers(before, stats ?? [], own, isReloaded)
    isReloaded = false
    for (const { backend, server } of unverified) {
      const command = `set server ${backend}/${server} health down`
      const reply = await queryHaproxy(current.socket, command, clock)
      const isDone = reply.kind === 'answer' && reply.text.trim() === ''
      if (isDone) log.info({ backend, server }, 'server held down until its health check passes')
    }
    if (unverified.length > 0) await updateStats(current)
  }

  async function updateStats({ socket }: HaproxyPlan): Promise<void> {
    const reply = await queryHaproxy(socket, 'show stat', clock)
    if (reply.kind === 'answer') {
      if (unreachable !== undefined) log.info({ socket }, 'HAProxy reachable again')
      ;[stats, unreachable] = [parseStat(reply.text), undefined]
      return
    }
    const { reason } = reply
    const code: HaproxyCode = 'haproxy.state-unavailable'
    if (unreachable !== reason) log.warn({ code, reason }, 'HAProxy server states not available')
    ;[servers, stats, unreachable] = [[], undefined, reason]
  }

  function compare(next: readonly ServerState[]): void {
    for (const state of next) {
      const { node, backend, server, isUp, isTested, isOut, sentence } = state
      const key = serverKey(backend, server)
      if (isOut || !isTested) continue
      if (isUp) wereUp.add(key)
      if (isOutage(state) && !wereDown.has(key)) {
        wereDown.add(key)
        counters.increment('haproxy.serversDown')
        const code: HaproxyCode = 'haproxy.server-down'
        log.warn({ node, backend, code, reason: sentence }, 'server is down')
      }
      if (isUp && wereDown.delete(key)) {
        counters.increment('haproxy.serversUp')
        log.info({ node, backend, reason: sentence }, 'server is up')
      }
    }
    servers = next
  }

  /** Sets MAINT on servers without connections: a drained machine may be switched off, so it needs no checks. */
  async function finishDraining({ socket }: HaproxyPlan): Promise<void> {
    // A server that is still up does not have the new configuration: a reload failed.
    const drained = servers.filter(
      ({ isOut, status, connections }) =>
        isOut && connections === 0 && (status === 'DRAIN' || status === 'DOWN'),
    )
    for (const { node, backend, server } of drained) {
      const reply = await queryHaproxy(socket, `set server ${backend}/${server} state maint`, clock)
      const isDone = reply.kind === 'answer' && reply.text.trim() === ''
      if (isDone) log.info({ node, backend }, 'server has no connections left')
    }
  }

  return {
    apply(next) {
      wanted = next
      waiting ??= inTurn(async () => {
        waiting = undefined
        plan = wanted
        changes++
        return applyNow().finally(() => changes--)
      })
      return waiting
    },
    drain: (node) =>
      inTurn(async () => {
        await poll()
        const reason = lastOf(servers, node)
        if (reason !== undefined) return { outcome: 'kept', code: 'haproxy.last-server', reason }
        out.add(node)
        return applyNow()
      }),
    enable: (node) =>
      inTurn(() => {
        out.delete(node)
        return applyNow()
      }),
    state: () => ({
      applied,
      ...(changes > 0 || waiting !== undefined ? { isChanging: true } : {}),
      ...(unreachable === undefined ? {} : { unreachable }),
      servers,
      out: [...out],
      ...(removals.length === 0 ? {} : { removed: removals }),
    }),
    close() {
      isClosed = true
      watch?.cancel()
    },
  }
}

/** Explains which backend needs the node; nothing when other servers are up, or when the states are not known. */
function lastOf(servers: readonly ServerState[], node: string): string | undefined {
  for (const own of servers.filter((server) => server.node === node && server.isUp)) {
    const others = servers.filter(({ backend }) => backend === own.backend)
    if (!others.some((other) => other.node !== node && other.isUp)) {
      return `${own.server} is the only server of ${own.backend} that is up`
    }
  }
  return undefined
}
