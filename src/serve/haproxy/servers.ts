/** What HAProxy says of its servers, put beside the nodes that they are: as data, and as sentences for people. Pure. */
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import type { Stat } from './stat.ts'

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
  /** Milliseconds since 1970. */
  readonly since?: number
  readonly connections: number
  /** `kubeapi m2 DOWN since 10:22 UTC, connection refused` */
  readonly sentence: string
}

/** @param now milliseconds since 1970 */
export function serverStates(
  plan: HaproxyPlan,
  out: ReadonlySet<string>,
  stats: readonly Stat[],
  now: number,
): ServerState[] {
  const keyOf = (backend: string, server: string): string => `${backend}/${server}`
  const statByKey = new Map(stats.map((stat) => [keyOf(stat.backend, stat.server), stat]))
  return plan.backends.flatMap(({ name: backend, servers }) =>
    servers.map(({ node, name: server, isBackup, isOut }) => {
      const stat = statByKey.get(keyOf(backend, server))
      const common = { node, backend, server, isBackup, isOut: isOut || out.has(node) }
      const name = `${backend} ${server}`
      if (stat === undefined) {
        const sentence = `${name} is not known to the HAProxy that runs`
        return { ...common, status: 'unknown', isUp: false, isTested: false, connections: 0, sentence }
      }
      const { status, isTested, connections } = stat
      const since = now - stat.seconds * 1000
      const reason = reasonOf(stat)
      const sentence = `${name} ${status} since ${timeOf(since, now)}${reason === '' ? '' : `, ${reason}`}`
      return { ...common, status, isUp: status === 'UP', isTested, since, connections, sentence }
    }),
  )
}

function reasonOf({ status, isTested, connections, reason }: Stat): string {
  if (status === 'MAINT') return 'taken out'
  if (status === 'DRAIN') return `${connections} ${connections === 1 ? 'connection' : 'connections'} left`
  return status === 'UP' && !isTested ? 'not checked yet' : reason
}

/** `10:22 UTC`, with the date when that was more than a day ago. */
function timeOf(since: number, now: number): string {
  const text = new Date(since).toISOString()
  const isLong = now - since >= 86_400_000
  return `${isLong ? `${text.slice(0, 10)} ` : ''}${text.slice(11, 16)} UTC`
}
