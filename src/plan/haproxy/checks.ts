/** Balancing and health checks of a back end, by service and preset (docs/decisions/0023), as configuration lines. */
import type { CheckPreset } from '../../site/schema.ts'
import type { LoadBalancedService } from './front-end.ts'

type Group = 'api' | 'machineconfig' | 'ingress'

const groups: Readonly<Record<LoadBalancedService, Group>> = {
  kubeapi: 'api',
  machineconfig: 'machineconfig',
  workerhttp: 'ingress',
  workerhttps: 'ingress',
}

/** HTTP/1.0 needs no Host header, and every HAProxy since 1.5 supports this form. */
const httpCheck = (path: string): string[] => [
  `  option httpchk GET ${path} HTTP/1.0`,
  '  http-check expect status 200',
]

const balancing: Readonly<Record<Group, readonly string[]>> = {
  api: ['  balance roundrobin', '  timeout check 10s', ...httpCheck('/readyz'), '  option log-health-checks'],
  machineconfig: ['  balance roundrobin', '  timeout check 10s'],
  // A client keeps its router. All backups are used, not only the first: they are the workers of a cluster with infra nodes.
  ingress: ['  balance source', '  option allbackups'],
}

/** A router reports on port 1936 that it is ready; its traffic ports still accept connections during shutdown. */
const routerCheck = ['  timeout check 5s', ...httpCheck('/healthz/ready')]

/** A failed server is detected after two seconds, and used again after ten seconds of successful checks. */
const quick = 'inter 5s fastinter 2s fall 2'

/**
 * `documented`: the sample configuration of the OpenShift manual. `user-managed`: the manual's requirements for
 * user-managed load balancers. `tuned`: as OpenShift's own on-premise load balancer since 2026: a started API server
 * reaches its full share after a minute, because its node's network is ready later than it reports, and clients of a
 * server that is down are disconnected.
 */
const checks: Readonly<Record<CheckPreset, Readonly<Record<Group, readonly string[]>>>> = {
  documented: {
    api: ['  default-server check check-ssl verify none inter 10s fall 2 rise 3'],
    machineconfig: ['  default-server check inter 1s'],
    ingress: ['  timeout check 10s', '  default-server check inter 1s'],
  },
  'user-managed': {
    // An API server that shuts down fails /readyz, and must get no traffic after 30 s: two checks of 10 s.
    api: ['  default-server check check-ssl verify none inter 10s fall 2 rise 2'],
    machineconfig: [
      ...httpCheck('/healthz'),
      '  default-server check check-ssl verify none inter 10s fall 2 rise 2',
    ],
    ingress: [...routerCheck, '  default-server check port 1936 inter 10s fall 2 rise 2'],
  },
  tuned: {
    api: [
      // The weight is the number of steps of the slow start.
      `  default-server check check-ssl verify none ${quick} rise 3 weight 256 slowstart 60s on-marked-down shutdown-sessions`,
    ],
    machineconfig: [...httpCheck('/healthz'), `  default-server check check-ssl verify none ${quick} rise 3`],
    ingress: [...routerCheck, `  default-server check port 1936 ${quick} rise 2`],
  },
}

/** All lines that {@link backendLines} can return. */
export const allBackendLines: ReadonlySet<string> = new Set([
  ...Object.values(balancing).flat(),
  ...Object.values(checks).flatMap((preset) => Object.values(preset).flat()),
])

export function backendLines(service: LoadBalancedService, preset: CheckPreset): readonly string[] {
  const group = groups[service]
  return [...balancing[group], ...checks[preset][group]]
}
