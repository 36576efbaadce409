/** The states of all servers, and their metrics: HAProxy's report combined with the nodes of the plan. Pure. */
import type { HaproxyPlan } from '../../plan/haproxy/plan.ts'
import { gauge, type MetricFamily } from '../../host/counters.ts'
import type { DrainingServer } from './draining.ts'
import { serverKey, type Stat } from './runtime-api.ts'
import { haproxyOutcomes, type Applied } from './apply.ts'

export type ServerState = {
  /** The node's key, `ocp45/m1`. */
  readonly node: string
  readonly backend: string
  readonly server: string
  /** `unknown`: HAProxy does not have the server, so it runs another configuration. */
  readonly status: string
  /** Whether it gets new connections; a backup gets them only while no other server is up. */
  readonly isUp: boolean
  /** False after a reload, until the first health check. */
  readonly isTested: boolean
  readonly isBackup: boolean
  /**
   * Whether it should be up: it was up before, or its node was installed long ago. Before that, being down is normal.
   */
  readonly isExpected: boolean
  /** Whether it is drained. */
  readonly isOut: boolean
  /** Whether it was removed from the site, and drains until its connections have ended. */
  readonly isLeaving: boolean
  /** Milliseconds since 1970. */
  readonly since?: number
  readonly connections: number
  /** `kubeapi m2 DOWN since 10:22 UTC, connection refused` */
  readonly sentence: string
}

/**
 * Returns the servers of each backend, followed by its draining servers.
 *
 * @param now milliseconds since 1970
 */
export function serverStates(
  plan: HaproxyPlan,
  out: ReadonlySet<string>,
  draining: readonly DrainingServer[],
  stats: readonly Stat[],
  now: number,
  isExpected: (node: string, key: string) => boolean = () => true,
): ServerState[] {
  const statByKey = new Map(stats.map((stat) => [serverKey(stat.backend, stat.server), stat]))
  return plan.backends.flatMap(({ name: backend, servers }) => {
    const staying = new Set(servers.map(({ name }) => name))
    // A server that was added again is not draining, even while HAProxy rejects the configuration.
    const removed = draining.filter((slot) => slot.backend === backend && !staying.has(slot.server.name))
    return [
      ...servers.map((server) => ({ server, isLeaving: false })),
      ...removed.map(({ server }) => ({ server, isLeaving: true })),
    ].map(({ server: { node, name: server, isBackup, isOut }, isLeaving }): ServerState => {
      const key = serverKey(backend, server)
      const common = {
        isExpected: isExpected(node, key),
        node,
        backend,
        server,
        isBackup,
        isOut: isLeaving || isOut || out.has(node),
        isLeaving,
      }
      return { ...common, ...stateOf(statByKey.get(key), common, now) }
    })
  })
}

/** Returns whether a server that should be up is down. */
export function isOutage({ isUp, isTested, isOut, isExpected }: ServerState): boolean {
  return isTested && !isUp && !isOut && isExpected
}

/** Whether HAProxy runs another configuration: other servers in a backend, or connections to a drained server. */
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
    const sentence = `${name} is not in the running configuration of HAProxy`
    return { status: 'unknown', isUp: false, isTested: false, connections: 0, sentence }
  }
  const { status, isTested, connections } = stat
  const since = now - stat.seconds * 1000
  const reason = isLeaving && connections > 0 ? leftText(connections) : reasonOf(stat)
  const sentence = `${name} ${status} since ${timeOf(since, now)}${reason === '' ? '' : `, ${reason}`}`
  return { status, isUp: status === 'UP', isTested, since, connections, sentence }
}

function reasonOf({ status, isTested, connections, reason }: Stat): string {
  if (status === 'MAINT') return 'drained'
  if (status === 'DRAIN') return leftText(connections)
  return isTested ? reason : 'not checked yet'
}

function leftText(connections: number): string {
  return `${connections} ${connections === 1 ? 'connection' : 'connections'} left`
}

/** Returns `10:22 UTC`, with the date after a day. */
function timeOf(since: number, now: number): string {
  const text = new Date(since).toISOString()
  const isLong = now - since >= 86_400_000
  return `${isLong ? `${text.slice(0, 10)} ` : ''}${text.slice(11, 16)} UTC`
}

/**
 * Returns the servers that must not get traffic before their first health check: not checked yet, and not known to
 * have been up. After a reload, the new process of HAProxy treats every server as up until it has checked it, which may
 * take ten seconds; a node that was down would get clients, and so would an infra node whose router does not run yet.
 *
 * A backend without a verified server is not changed: any server is better than none. Without a reload there are none,
 * because HAProxy checks an enabled server at once.
 *
 * @param before the previous report of HAProxy
 * @param backends the backends of the site; others are not changed
 * @param isReloaded whether slipway reloaded HAProxy in between; other programs may do so unnoticed
 */
export function unverifiedServers(
  before: readonly Stat[],
  after: readonly Stat[],
  backends: ReadonlySet<string>,
  isReloaded: boolean,
): Stat[] {
  const wasUp = new Set(before.filter(isUp).map(({ backend, server }) => serverKey(backend, server)))
  const isVerified = ({ backend, server }: Stat): boolean => wasUp.has(serverKey(backend, server))
  const serving = after.filter((stat) => isUp(stat) && isVerified(stat))
  // After a reload, not all of the servers that were up are checked.
  if (!isReloaded && serving.every(({ isTested }) => isTested)) return []
  const served = new Set(serving.map(({ backend }) => backend))
  return after.filter(
    (stat) =>
      backends.has(stat.backend) &&
      served.has(stat.backend) &&
      isUp(stat) &&
      !stat.isTested &&
      !isVerified(stat),
  )
}

function isUp({ status }: Stat): boolean {
  return status === 'UP'
}

/** Returns the metrics. A drained server has no `up` sample, so a value of 0 is always a problem. */
export function haproxyFamilies({
  applied,
  servers,
}: {
  readonly applied: Pick<Applied, 'outcome'>
  readonly servers: readonly ServerState[]
}): MetricFamily[] {
  // Empty when HAProxy is unreachable, and before its first report.
  const isAnswering = servers.length > 0
  const count = (those: readonly ServerState[]) => (isAnswering ? [{ value: those.length }] : [])
  const each = (those: readonly ServerState[], value: (server: ServerState) => number) =>
    those.map((state) => ({ labels: { backend: state.backend, server: state.server }, value: value(state) }))
  return [
    gauge('slipway_haproxy_answering', 'Whether HAProxy reports the state of its servers.', [
      { value: Number(isAnswering) },
    ]),
    gauge(
      'slipway_haproxy_server_up',
      'Whether a server passes its health check; absent while it is drained, not checked yet, or not installed yet.',
      each(
        servers.filter((server) => server.isTested && !server.isOut && (server.isUp || server.isExpected)),
        ({ isUp }) => Number(isUp),
      ),
    ),
    gauge(
      'slipway_haproxy_server_connections',
      'Connections of a server, including drained ones.',
      each(
        servers.filter(({ status }) => status !== 'unknown'),
        ({ connections }) => connections,
      ),
    ),
    gauge(
      'slipway_haproxy_servers_out',
      'Servers of the site that are drained.',
      count(servers.filter(({ isOut, isLeaving }) => isOut && !isLeaving)),
    ),
    gauge(
      'slipway_haproxy_servers_leaving',
      'Servers that were removed from the site and still have connections.',
      count(servers.filter(({ isLeaving }) => isLeaving)),
    ),
    gauge(
      'slipway_haproxy_last_change',
      'The outcome of the last change of the configuration: 1 for the label of that outcome.',
      // All outcomes, so that an earlier one reads 0 instead of its last value.
      haproxyOutcomes.map((outcome) => ({ labels: { outcome }, value: Number(outcome === applied.outcome) })),
    ),
  ]
}
