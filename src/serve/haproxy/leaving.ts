/**
 * Servers that leave: HAProxy has them, and the site has them no more. Each stays in the file, taken out, until the
 * connections that it has are over, so that HAProxy is told first and reloaded once, at the end. Pure.
 */
import type { BackendServer, HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { renderHaproxy } from '../../plan/haproxy/render.ts'
import { membershipChanges } from './membership.ts'
import { serverKey, type Stat } from './stat.ts'

/** A server where it stands. */
export type Place = { readonly backend: string; readonly server: BackendServer }

export type Leaver = Place & {
  /** When it began to leave, on the clock that never goes back. */
  readonly since: number
}

/**
 * Requests are over by then, and so are idle connections to routers, which end them after 5 min. What lasts longer has no
 * end that can be waited for: tunnels may be silent for 4 h, and a connection to an API server lasts as long as its
 * client. The reload cuts none of them, HAProxy's process before keeps them; so all that ends is the waiting,
 * with a file that is not the site's.
 */
export const mostLeavingMs = 3_600_000

/**
 * Servers that HAProxy was given and the next plan has not. None where the site names no way to reload: there each
 * new file is reloaded by others, at once.
 *
 * @param running what HAProxy was given last; nothing when that is not known
 * @param leaving those that leave already: they keep their time
 */
export function leaversOf(
  running: HaproxyPlan | undefined,
  next: HaproxyPlan,
  leaving: readonly Leaver[],
  now: number,
): Leaver[] {
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
export function isAnyLeft(
  leavers: readonly Leaver[],
  stats: readonly Stat[] | undefined,
  now: number,
): boolean {
  const statByKey = new Map(stats?.map((stat) => [serverKey(stat.backend, stat.server), stat]))
  return leavers.some((leaver) => {
    if (now - leaver.since >= mostLeavingMs) return false
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
export function withLeavers(
  running: HaproxyPlan | undefined,
  next: HaproxyPlan,
  leavers: readonly Leaver[],
): HaproxyPlan | undefined {
  if (running === undefined) return undefined
  const backends = next.backends.map((backend) => {
    const ofBackend = ({ backend: name }: Place): boolean => name === backend.name
    const before = placesOf(running).filter(ofBackend)
    return { ...backend, servers: inTheirPlaces(before, backend.servers, leavers.filter(ofBackend)) }
  })
  const plan = { ...next, backends }
  return membershipChanges(renderHaproxy(running), renderHaproxy(plan)) === undefined ? undefined : plan
}

/** Each leaver behind the one that it stood behind before. */
function inTheirPlaces(
  before: readonly Place[],
  servers: readonly BackendServer[],
  leavers: readonly Place[],
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

export function placesOf(plan: HaproxyPlan | undefined): Place[] {
  const backends = plan?.backends ?? []
  return backends.flatMap(({ name: backend, servers }) => servers.map((server) => ({ backend, server })))
}

/** Those that the others have not, by their names. */
export function without<Some extends Place>(places: readonly Some[], others: readonly Place[]): Some[] {
  const known = new Set(others.map(keyOf))
  return places.filter((place) => !known.has(keyOf(place)))
}

function keyOf({ backend, server }: Place): string {
  return serverKey(backend, server.name)
}
