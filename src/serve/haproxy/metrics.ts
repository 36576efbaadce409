/**
 * The load balancer as Prometheus reads it. A server that gets nothing because somebody wants it so has no `up`: where it
 * is 0, something is wrong. Pure.
 */
import { gauge, type MetricFamily } from '../../host/exposition.ts'
import { haproxyOutcomes } from './apply.ts'
import type { BalancerState } from './balancer.ts'
import type { ServerState } from './servers.ts'

export function haproxyFamilies({ applied, servers }: BalancerState): MetricFamily[] {
  // None when HAProxy is silent, and before it was asked for the first time.
  const isAnswering = servers.length > 0
  const count = (those: readonly ServerState[]) => (isAnswering ? [{ value: those.length }] : [])
  const each = (those: readonly ServerState[], value: (server: ServerState) => number) =>
    those.map((state) => ({ labels: { backend: state.backend, server: state.server }, value: value(state) }))
  return [
    gauge('slipway_haproxy_answering', 'Whether HAProxy says how its servers are.', [
      { value: Number(isAnswering) },
    ]),
    gauge(
      'slipway_haproxy_server_up',
      'Whether a server passes its checks; absent while it is out, leaves, or was not checked yet.',
      each(
        servers.filter(({ isOut, isTested }) => isTested && !isOut),
        ({ isUp }) => Number(isUp),
      ),
    ),
    gauge(
      'slipway_haproxy_server_connections',
      'Connections that a server has, also while it is out or leaves.',
      each(
        servers.filter(({ status }) => status !== 'unknown'),
        ({ connections }) => connections,
      ),
    ),
    gauge(
      'slipway_haproxy_servers_out',
      'Servers that are taken out and in the site.',
      count(servers.filter(({ isOut, isLeaving }) => isOut && !isLeaving)),
    ),
    gauge(
      'slipway_haproxy_servers_leaving',
      'Servers that the site has no more, until their connections are over.',
      count(servers.filter(({ isLeaving }) => isLeaving)),
    ),
    gauge(
      'slipway_haproxy_last_change',
      'How the last change of the configuration went: 1 at its outcome.',
      // All of them, so that an outcome that is over reads 0 and not as its last value.
      haproxyOutcomes.map((outcome) => ({ labels: { outcome }, value: Number(outcome === applied.outcome) })),
    ),
  ]
}
