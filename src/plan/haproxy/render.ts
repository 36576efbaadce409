/**
 * Front ends as haproxy.cfg. Checks and balancing are those of the vendor's load-balancing
 * requirements for user-provisioned clusters; back ends are named by address, so that HAProxy
 * starts without DNS.
 */
import type { NodeModel } from '../model.ts'
import { formatEndpoint, servicePorts, type FrontEnd, type LoadBalancedService } from './front-end.ts'

/**
 * No `daemon` and no `chroot`, so that the same file works under systemd, in a container and for
 * `haproxy -c`. No global `maxconn`: HAProxy derives it from its limit of open files, and would not start
 * where that is too small for a number of ours; the other `maxconn` keeps one front end from taking all.
 * `timeout tunnel` is what lets `oc rsh`, `oc logs -f` and watches stay silent for a while.
 */
const preamble = `global
  log stdout format raw daemon
  user haproxy
  group haproxy

defaults
  mode tcp
  log global
  option tcplog
  option dontlognull
  option redispatch
  retries 3
  maxconn 20000
  timeout connect 10s
  timeout queue 1m
  timeout client 1m
  timeout server 1m
  timeout client-fin 30s
  timeout tunnel 1h
  timeout check 10s
`

/** A router that is ready says so on port 1936; the traffic's own port still accepts while it is ending. */
const ingressBackend = [
  '  balance source',
  '  option allbackups',
  '  timeout check 5s',
  '  option httpchk GET /healthz/ready HTTP/1.0',
  '  http-check expect status 200',
  '  default-server check port 1936 inter 10s fall 2 rise 2',
]

const backends: Readonly<Record<LoadBalancedService, readonly string[]>> = {
  // An API server that is ending says so by /readyz and must be out within 30 s: two checks of 10 s.
  kubeapi: [
    '  balance roundrobin',
    '  option httpchk GET /readyz HTTP/1.0',
    '  http-check expect status 200',
    '  option log-health-checks',
    '  default-server check check-ssl verify none inter 10s fall 2 rise 3',
  ],
  machineconfig: ['  balance roundrobin', '  default-server check inter 1s'],
  workerhttp: ingressBackend,
  workerhttps: ingressBackend,
}

/** @param hasSeveralClusters then every name begins with its cluster's */
export function renderHaproxy(
  site: string,
  frontEnds: readonly FrontEnd[],
  hasSeveralClusters: boolean,
): string {
  return [
    `# Written by slipway from the site file of ${site}.`,
    '# Edit the site, not this file: it is written anew whenever the site changes.\n',
    preamble,
    ...frontEnds.map((frontEnd) => renderFrontEnd(frontEnd, hasSeveralClusters)),
  ].join('\n')
}

function renderFrontEnd(frontEnd: FrontEnd, hasSeveralClusters: boolean): string {
  const { cluster, service, addresses, servers, backups } = frontEnd
  const name = hasSeveralClusters ? `${cluster}-${service}` : service
  const port = servicePorts[service]
  const server = (node: NodeModel) => `  server ${node.name} ${formatEndpoint(node.address, port)}`
  const lines = [
    `frontend ${name}`,
    ...addresses.map((address) => `  bind ${formatEndpoint(address, port)}`),
    `  default_backend ${name}`,
    '',
    `backend ${name}`,
    ...backends[service],
    ...servers.map(server),
    ...backups.map((node) => `${server(node)} backup`),
    '',
  ]
  return lines.join('\n')
}
