/** What HAProxy says of its servers, put beside the nodes that they are: as data, and as sentences for people. Pure. */
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import type { DrainingServer } from './draining.ts'
import { serverKey, type Stat } from './stat.ts'

export type ServerState = {
  /** The node's key, `ocp45/m1`. */
  readonly node: string
  readonly backend: string
  readonly server: string
  /** `unknown`: HAProxy does not have it, so it runs with another configuration. */
  readonly status: string
  /** Whether it gets new connections; a backup only while no other does. */
  readonly isUp: boolean
  /** False after a reload, until HAProxy has found out how it is. */
  readonly isTested: boolean
  readonly isBackup: boolean
  /** Whether it is meant to get none. */
  readonly isOut: boolean
  /** Whether the site has it no more: it is out, and gone when its connections are. */
  readonly isLeaving: boolean
  /** Milliseconds since 1970. */
  readonly since?: number
  readonly connections: number
  /** `kubeapi m2 DOWN since 10:22 UTC, connection refused` */
  readonly sentence: string
}

/**
 * Those of each back end, and behind them those that leave it.
 *
 * @param now milliseconds since 1970
 */
export function serverStates(
  plan: HaproxyPlan,
  out: ReadonlySet<string>,
  leaving: readonly DrainingServer[],
  stats: readonly Stat[],
  now: number,
): ServerState[] {
  const statByKey = new Map(stats.map((stat) => [serverKey(stat.backend, stat.server), stat]))
  return plan.backends.flatMap(({ name: backend, servers }) => {
    const staying = new Set(servers.map(({ name }) => name))
    // One that came back stays, also while HAProxy refuses to have it.
    const leavers = leaving.filter((leaver) => leaver.backend === backend && !staying.has(leaver.server.name))
    return [
      ...servers.map((server) => ({ server, isLeaving: false })),
      ...leavers.map(({ server }) => ({ server, isLeaving: true })),
    ].map(({ server: { node, name: server, isBackup, isOut }, isLeaving }): ServerState => {
      const common = {
        node,
        backend,
        server,
        isBackup,
        isOut: isLeaving || isOut || out.has(node),
        isLeaving,
      }
      return { ...common, ...stateOf(statByKey.get(serverKey(backend, server)), common, now) }
    })
  })
}

/** Whether HAProxy runs with another configuration: it has other servers in a back end, or sends connections to one that is out. */
export function isBehind(plan: HaproxyPlan, states: readonly ServerState[], stats: readonly Stat[]): boolean {
  const own = new Set(plan.backends.map(({ name }) => name))
  const known = new Set(states.map(({ backend, server }) => serverKey(backend, server)))
  return (
    states.some(({ status, isOut, isUp }) => status === 'unknown' || (isOut && isUp)) ||
    stats.some(({ backend, server }) => own.has(backend) && !known.has(serverKey(backend, server)))
  )
}

function stateOf(
  stat: Stat | undefined,
  { backend, server, isLeaving }: Pick<ServerState, 'backend' | 'server' | 'isLeaving'>,
  now: number,
): Pick<ServerState, 'status' | 'isUp' | 'isTested' | 'since' | 'connections' | 'sentence'> {
  const name = `${backend} ${server}`
  if (stat === undefined) {
    const sentence = `${name} is not known to the HAProxy that runs`
    return { status: 'unknown', isUp: false, isTested: false, connections: 0, sentence }
  }
  const { status, isTested, connections } = stat
  const since = now - stat.seconds * 1000
  const reason = isLeaving && connections > 0 ? leftText(connections) : reasonOf(stat)
  const sentence = `${name} ${status} since ${timeOf(since, now)}${reason === '' ? '' : `, ${reason}`}`
  return { status, isUp: status === 'UP', isTested, since, connections, sentence }
}

function reasonOf({ status, isTested, connections, reason }: Stat): string {
  if (status === 'MAINT') return 'taken out'
  if (status === 'DRAIN') return leftText(connections)
  return isTested ? reason : 'not checked yet'
}

function leftText(connections: number): string {
  return `${connections} ${connections === 1 ? 'connection' : 'connections'} left`
}

/** `10:22 UTC`, with the date when that was more than a day ago. */
function timeOf(since: number, now: number): string {
  const text = new Date(since).toISOString()
  const isLong = now - since >= 86_400_000
  return `${isLong ? `${text.slice(0, 10)} ` : ''}${text.slice(11, 16)} UTC`
}

/**
 * What a reload makes HAProxy forget: its new process takes every server to be up until it has checked it, which may be
 * ten seconds later. A node that was down would get clients meanwhile, and so would an infra node whose router does not
 * run yet, while the workers that serve are its backups. Pure.
 */

/**
 * Servers that have to pass their checks first: not checked yet, and not known to have been up before. None of a back end
 * in which nobody else is: there a guess is better than nobody. And none without a reload: a server that is put
 * back by telling is checked at once.
 *
 * @param before what HAProxy said last
 * @param backends names of ours; others' servers are left alone
 * @param isReloaded whether it was reloaded from here in between; others do so without a word
 */
export function unproven(
  before: readonly Stat[],
  after: readonly Stat[],
  backends: ReadonlySet<string>,
  isReloaded: boolean,
): Stat[] {
  const wasUp = new Set(before.filter(isUp).map(({ backend, server }) => serverKey(backend, server)))
  const isProven = ({ backend, server }: Stat): boolean => wasUp.has(serverKey(backend, server))
  const serving = after.filter((stat) => isUp(stat) && isProven(stat))
  // After a reload those that it knew are not checked either, or not all of them.
  if (!isReloaded && serving.every(({ isTested }) => isTested)) return []
  const served = new Set(serving.map(({ backend }) => backend))
  return after.filter(
    (stat) =>
      backends.has(stat.backend) &&
      served.has(stat.backend) &&
      isUp(stat) &&
      !stat.isTested &&
      !isProven(stat),
  )
}

function isUp({ status }: Stat): boolean {
  return status === 'UP'
}
