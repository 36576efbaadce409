/**
 * Servers that were removed from the site. Each stays in the file, disabled, until its connections have ended, so that
 * HAProxy gets a runtime update first, and one reload at the end. Pure.
 */
import type { BackendServer, HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { serverKey, type Stat } from './runtime-api.ts'

/** A server in its backend. */
export type Slot = { readonly backend: string; readonly server: BackendServer }

export type DrainingServer = Slot & {
  /** When draining started, on the monotonic clock. */
  readonly since: number
}

/**
 * The maximum time of draining. By then, requests have ended, and routers have closed idle connections (5 min). Tunnels
 * may be idle for 4 h, and a connection to an API server lasts as long as its client. The reload does not cut them: the
 * previous process of HAProxy keeps them.
 */
export const drainTimeoutMs = 3_600_000

/**
 * Returns the servers of the running plan that the next plan does not have. Returns none where the site configures no
 * reload: another program reloads HAProxy at once.
 *
 * @param running the plan that HAProxy runs; absent when it is not known
 * @param draining servers that drain already: they keep their start time
 */
export function findDraining(
  running: HaproxyPlan | undefined,
  next: HaproxyPlan,
  draining: readonly DrainingServer[],
  now: number,
): DrainingServer[] {
  const isOther = running?.file !== next.file || running.socket !== next.socket
  if (isOther || next.reload === undefined) return []
  const sinceByKey = new Map(draining.map((slot) => [keyOf(slot), slot.since]))
  return without(slotsOf(running), slotsOf(next)).map((slot) => ({
    ...slot,
    since: sinceByKey.get(keyOf(slot)) ?? now,
  }))
}

/**
 * Whether a draining server has connections, or can still get some: then it is too early for the reload.
 *
 * @param stats the report of HAProxy, if available; a server that is not in it has ended
 */
export function hasConnections(
  draining: readonly DrainingServer[],
  stats: readonly Stat[] | undefined,
  now: number,
): boolean {
  const statByKey = new Map(stats?.map((stat) => [serverKey(stat.backend, stat.server), stat]))
  return draining.some((slot) => {
    if (now - slot.since >= drainTimeoutMs) return false
    if (stats === undefined) return true
    const stat = statByKey.get(keyOf(slot))
    return stat !== undefined && (stat.connections > 0 || !withoutTraffic.has(stat.status))
  })
}

/** A server that is down gets no new connections, and its old ones have ended. */
const withoutTraffic = new Set(['DRAIN', 'MAINT', 'DOWN'])

/**
 * @returns the next plan with the draining servers in their old slots, disabled; nothing when the two plans differ in
 *   more than disabled servers. Then HAProxy is reloaded anyway, and its previous process keeps the connections.
 */
export function withDraining(
  running: HaproxyPlan | undefined,
  next: HaproxyPlan,
  draining: readonly DrainingServer[],
): HaproxyPlan | undefined {
  if (running === undefined) return undefined
  const backends = next.backends.map((backend) => {
    const ofBackend = ({ backend: name }: Slot): boolean => name === backend.name
    const before = slotsOf(running).filter(ofBackend)
    return { ...backend, servers: inOldSlots(before, backend.servers, draining.filter(ofBackend)) }
  })
  const plan = { ...next, backends }
  return membershipChanges(renderHaproxy(running), renderHaproxy(plan)) === undefined ? undefined : plan
}

/** Inserts each draining server after the server that preceded it in the previous plan. */
function inOldSlots(
  before: readonly Slot[],
  servers: readonly BackendServer[],
  draining: readonly Slot[],
): BackendServer[] {
  const names = new Set(draining.map(({ server }) => server.name))
  const all = [...servers]
  let index = 0
  for (const { server } of before) {
    if (names.has(server.name)) all.splice(index++, 0, { ...server, isOut: true })
    else index = all.findIndex(({ name }) => name === server.name) + 1
  }
  return all
}

export function slotsOf(plan: HaproxyPlan | undefined): Slot[] {
  const backends = plan?.backends ?? []
  return backends.flatMap(({ name: backend, servers }) => servers.map((server) => ({ backend, server })))
}

/** Returns the slots that are not among the others, compared by name. */
export function without<Some extends Slot>(slots: readonly Some[], others: readonly Slot[]): Some[] {
  const known = new Set(others.map(keyOf))
  return slots.filter((slot) => !known.has(keyOf(slot)))
}

function keyOf({ backend, server }: Slot): string {
  return serverKey(backend, server.name)
}

export type MembershipChange = {
  readonly backend: string
  readonly server: string
  readonly isOut: boolean
}

const disabled = / disabled$/

/**
 * Returns the servers whose state differs between two configurations that slipway wrote. HAProxy needs no reload for
 * them.
 *
 * @returns nothing when the configurations differ in anything else
 */
export function membershipChanges(old: string, next: string): MembershipChange[] | undefined {
  const [oldLines, nextLines] = [old.split('\n'), next.split('\n')]
  if (oldLines.length !== nextLines.length) return undefined
  const changes: MembershipChange[] = []
  let backend = ''
  for (const [index, line] of nextLines.entries()) {
    const before = oldLines[index] as string
    const [keyword, name = ''] = line.trim().split(' ')
    if (keyword === 'backend') backend = name
    if (line === before) continue
    if (keyword !== 'server' || line.replace(disabled, '') !== before.replace(disabled, '')) return undefined
    changes.push({ backend, server: name, isOut: disabled.test(line) })
  }
  return changes
}
