/**
 * How HAProxy chooses and tests the servers of a back end, by service and preset (docs/decisions/0023).
 * Lines of a `backend` section.
 */
import type { CheckPreset } from '../../site/schema.ts'
import type { LoadBalancedService } from './front-end.ts'

type Group = 'api' | 'machineconfig' | 'ingress'

const groups: Readonly<Record<LoadBalancedService, Group>> = {
  kubeapi: 'api',
  machineconfig: 'machineconfig',
  workerhttp: 'ingress',
  workerhttps: 'ingress',
}

/** HTTP/1.0 needs no Host header, and every HAProxy since 1.5 understands this form. */
const asks = (path: string): string[] => [
  `  option httpchk GET ${path} HTTP/1.0`,
  '  http-check expect status 200',
]

const balancing: Readonly<Record<Group, readonly string[]>> = {
  api: ['  balance roundrobin', '  timeout check 10s', ...asks('/readyz'), '  option log-health-checks'],
  machineconfig: ['  balance roundrobin', '  timeout check 10s'],
  // A client keeps its router. All backups, not the first only: they are the workers of a cluster with infra nodes.
  ingress: ['  balance source', '  option allbackups'],
}

/** A router that is ready says so on port 1936; the traffic's own port still accepts while it is ending. */
const asksRouter = ['  timeout check 5s', ...asks('/healthz/ready')]

/** A server that is down is found by one request in two seconds, and comes back when it was well for ten. */
const quick = 'inter 5s fastinter 2s fall 2'

/**
 * `documented`: the sample configuration of the manual. `user-managed`: what the manual asks of load balancers
 * that the user manages. `tuned`: as OpenShift's own on-premise load balancer since 2026: an API server that has
 * just started gets its share within a minute, for its node's network is not ready when it says it is,
 * and clients of one that is down are sent away to another.
 */
const checks: Readonly<Record<CheckPreset, Readonly<Record<Group, readonly string[]>>>> = {
  documented: {
    api: ['  default-server check check-ssl verify none inter 10s fall 2 rise 3'],
    machineconfig: ['  default-server check inter 1s'],
    ingress: ['  timeout check 10s', '  default-server check inter 1s'],
  },
  'user-managed': {
    // An API server that is ending says so by /readyz and must be out within 30 s: two checks of 10 s.
    api: ['  default-server check check-ssl verify none inter 10s fall 2 rise 2'],
    machineconfig: [
      ...asks('/healthz'),
      '  default-server check check-ssl verify none inter 10s fall 2 rise 2',
    ],
    ingress: [...asksRouter, '  default-server check port 1936 inter 10s fall 2 rise 2'],
  },
  tuned: {
    api: [
      // The weight is the number of steps in which a server gets its share.
      `  default-server check check-ssl verify none ${quick} rise 3 weight 256 slowstart 60s on-marked-down shutdown-sessions`,
    ],
    machineconfig: [...asks('/healthz'), `  default-server check check-ssl verify none ${quick} rise 3`],
    ingress: [...asksRouter, `  default-server check port 1936 ${quick} rise 2`],
  },
}

export function backendLines(service: LoadBalancedService, preset: CheckPreset): readonly string[] {
  const group = groups[service]
  return [...balancing[group], ...checks[preset][group]]
}
