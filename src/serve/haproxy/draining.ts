/**
 * Servers that leave: HAProxy has them, and the site has them no more. Each stays in the file, taken out, until the
 * connections that it has are over, so that HAProxy is told first and reloaded once, at the end. Pure.
 */
import type { BackendServer, HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { serverKey, type Stat } from './stat.ts'

/** A server where it stands. */
export type Slot = { readonly backend: string; readonly server: BackendServer }

export type DrainingServer = Slot & {
  /** When it began to leave, on the clock that never goes back. */
  readonly since: number
}

/**
 * Requests are over by then, and so are idle connections to routers, which end them after 5 min. What lasts longer has no
 * end that can be waited for: tunnels may be silent for 4 h, and a connection to an API server lasts as long as its
 * client. The reload cuts none of them, HAProxy's process before keeps them; so all that ends is the waiting,
 * with a file that is not the site's.
 */
export const drainTimeoutMs = 3_600_000

/**
 * Servers that HAProxy was given and the next plan has not. None where the site names no way to reload: there each
 * new file is reloaded by others, at once.
 *
 * @param running what HAProxy was given last; nothing when that is not known
 * @param leaving those that leave already: they keep their time
 */
export function findDraining(
  running: HaproxyPlan | undefined,
  next: HaproxyPlan,
  leaving: readonly DrainingServer[],
  now: number,
): DrainingServer[] {
  const isOther = running?.file !== next.file || running.socket !== next.socket
  if (isOther || next.reload === undefined) return []
  const sinceByKey = new Map(leaving.map((leaver) => [keyOf(leaver), leaver.since]))
  return without(placesOf(running), placesOf(next)).map((place) => ({
    ...place,
    since: sinceByKey.get(keyOf(place)) ?? now,
  }))
}

/**
 * Whether it is too early for the reload that does without all of them: one has connections, or may get some.
 *
 * @param stats what HAProxy says, if it does; a server that it does not have is over
 */
export function hasConnections(
  leavers: readonly DrainingServer[],
  stats: readonly Stat[] | undefined,
  now: number,
): boolean {
  const statByKey = new Map(stats?.map((stat) => [serverKey(stat.backend, stat.server), stat]))
  return leavers.some((leaver) => {
    if (now - leaver.since >= drainTimeoutMs) return false
    if (stats === undefined) return true
    const stat = statByKey.get(keyOf(leaver))
    return stat !== undefined && (stat.connections > 0 || !getsNothing.has(stat.status))
  })
}

/** Also one that is down: nobody is sent to it, and what it had is over. */
const getsNothing = new Set(['DRAIN', 'MAINT', 'DOWN'])

/**
 * @returns the next plan with the leavers where they stood, taken out; nothing when the two differ in more than who is
 *   out. Then HAProxy is reloaded anyway and does without them at once: its process before keeps their connections.
 */
export function withDraining(
  running: HaproxyPlan | undefined,
  next: HaproxyPlan,
  leavers: readonly DrainingServer[],
): HaproxyPlan | undefined {
  if (running === undefined) return undefined
  const backends = next.backends.map((backend) => {
    const ofBackend = ({ backend: name }: Slot): boolean => name === backend.name
    const before = placesOf(running).filter(ofBackend)
    return { ...backend, servers: inTheirPlaces(before, backend.servers, leavers.filter(ofBackend)) }
  })
  const plan = { ...next, backends }
  return membershipChanges(renderHaproxy(running), renderHaproxy(plan)) === undefined ? undefined : plan
}

/** Each leaver behind the one that it stood behind before. */
function inTheirPlaces(
  before: readonly Slot[],
  servers: readonly BackendServer[],
  leavers: readonly Slot[],
): BackendServer[] {
  const leaving = new Set(leavers.map(({ server }) => server.name))
  const all = [...servers]
  let place = 0
  for (const { server } of before) {
    if (leaving.has(server.name)) all.splice(place++, 0, { ...server, isOut: true })
    else place = all.findIndex(({ name }) => name === server.name) + 1
  }
  return all
}

export function placesOf(plan: HaproxyPlan | undefined): Slot[] {
  const backends = plan?.backends ?? []
  return backends.flatMap(({ name: backend, servers }) => servers.map((server) => ({ backend, server })))
}

/** Those that the others have not, by their names. */
export function without<Some extends Slot>(places: readonly Some[], others: readonly Slot[]): Some[] {
  const known = new Set(others.map(keyOf))
  return places.filter((place) => !known.has(keyOf(place)))
}

function keyOf({ backend, server }: Slot): string {
  return serverKey(backend, server.name)
}

/** Whether two configurations of ours differ only in who is taken out: then HAProxy can be told, and needs no reload. Pure. */

export type MembershipChange = {
  readonly backend: string
  readonly server: string
  readonly isOut: boolean
}

const disabled = / disabled$/

/** @returns nothing when anything else differs */
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
