/** Metrics of the load balancer. A drained server has no `up` sample, so a value of 0 is always a problem. Pure. */
import { gauge, type MetricFamily } from '../../host/counters.ts'
import { haproxyOutcomes } from './apply.ts'
import type { BalancerState } from './balancer.ts'
import type { ServerState } from './servers.ts'

export function haproxyFamilies({ applied, servers }: BalancerState): MetricFamily[] {
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
      'Whether a server passes its health check; absent while it is drained or not checked yet.',
      each(
        servers.filter(({ isOut, isTested }) => isTested && !isOut),
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
