/** Renders haproxy.cfg for HAProxy 1.8 and later. Servers have addresses, so that HAProxy starts without DNS. */
import { backendLines } from './checks.ts'
import type { Backend, Frontend, HaproxyPlan, Route } from './plan.ts'

const everySection = ['  mode tcp', '  log global']

export const frontendSettings = [
  ...everySection,
  '  option tcplog',
  '  option dontlognull',
  '  option clitcpka',
  '  maxconn 20000',
  '  timeout client 1m',
  '  timeout client-fin 30s',
]

/**
 * `timeout tunnel` is the maximum idle time of `oc rsh`, `oc logs -f`, and watches: the kubelet's own limit
 * (streamingConnectionIdleTimeout). TCP keep-alives detect dead peers.
 */
export const backendSettings = [
  ...everySection,
  '  option redispatch',
  '  option srvtcpka',
  '  retries 3',
  '  timeout connect 10s',
  '  timeout queue 1m',
  '  timeout server 1m',
  '  timeout server-fin 30s',
  '  timeout tunnel 4h',
]

/** Unprivileged after start, and without code or files of others. */
export const globalSettings = ['  log stdout format raw daemon', '  user haproxy', '  group haproxy']

/**
 * Without `daemon` and `chroot`, the same file works under systemd, in a container, and for `haproxy -c`. There is no
 * global `maxconn`: HAProxy derives it from its limit of open files, and would not start with a larger one. The other
 * `maxconn` limits each front end.
 */
function preamble({ socket }: HaproxyPlan): string[] {
  return [
    'global',
    ...globalSettings,
    `  stats socket ${quote(socket)} mode 660 level admin user haproxy group haproxy expose-fd listeners`,
    '',
    'defaults',
    ...new Set([...frontendSettings, ...backendSettings]),
    '',
  ]
}

/**
 * @param out keys of drained nodes, beside those that the site file disables. Two texts that differ only in drained
 *   nodes differ in whole lines `server … disabled` (`membershipChanges` in serve/haproxy/draining.ts)
 */
export function renderHaproxy(plan: HaproxyPlan, out: ReadonlySet<string> = new Set()): string {
  // Beside other files, every section has its own settings and does not change the defaults.
  const isPart = plan.with.length > 0
  return [
    `# Written by slipway from the site file of ${plan.site}.`,
    '# Edit the site file, not this file: slipway overwrites it when the site changes.',
    '',
    ...(isPart ? [] : preamble(plan)),
    ...healthLines(plan),
    ...plan.frontends.flatMap((frontend) => frontendLines(plan, frontend, isPart ? frontendSettings : [])),
    ...plan.backends.flatMap((backend) => [
      `backend ${backend.name}`,
      ...(isPart ? backendSettings : []),
      ...backendLines(backend.service, backend.checks),
      ...serverLines(backend, out),
      '',
    ]),
  ].join('\n')
}

/** The check of keepalived: HAProxy answers it whenever it runs, whatever the state of its servers. */
function healthLines({ healthPort }: HaproxyPlan): string[] {
  if (healthPort === undefined) return []
  return [
    'frontend slipway-health',
    '  mode http',
    `  bind 127.0.0.1:${healthPort}`,
    '  option httplog',
    '  option dontlognull',
    '  timeout client 5s',
    '  monitor-uri /',
    '',
  ]
}

function frontendLines(plan: HaproxyPlan, frontend: Frontend, settings: readonly string[]): string[] {
  // Allows binding to an address that another machine holds.
  const transparent = plan.healthPort === undefined ? '' : ' transparent'
  return [
    `frontend ${frontend.name}`,
    ...settings,
    ...frontend.binds.map((endpoint) => `  bind ${endpoint}${transparent}`),
    ...routeLines(frontend),
    '',
  ]
}

/**
 * Clusters that share an address are distinguished by the server name of TLS (SNI, RFC 6066 §3), without terminating
 * TLS, or by the Host header of the first request. A client that names none of them is rejected.
 */
function routeLines({ service, routes }: Frontend): string[] {
  if (routes.length === 1) return routes.map(({ backend }) => `  default_backend ${backend}`)
  const isTls = service !== 'workerhttp'
  const name = isTls ? 'req.ssl_sni' : 'req.hdr(host),field(1,:)'
  return [
    '  tcp-request inspect-delay 5s',
    `  tcp-request content accept if ${isTls ? '{ req.ssl_sni -m found }' : 'HTTP'}`,
    '  tcp-request content reject',
    ...routes.flatMap((route) =>
      conditions(route).map((each) => `  use_backend ${route.backend} if { ${name} ${each} }`),
    ),
  ]
}

function conditions({ names }: Route): string[] {
  const isWildcard = (name: string): boolean => name.startsWith('*.')
  const exact = names.filter((name) => !isWildcard(name))
  return [
    ...(exact.length === 0 ? [] : [`-i ${exact.join(' ')}`]),
    ...names.filter(isWildcard).map((name) => `-m end -i ${name.slice(1)}`),
  ]
}

function serverLines({ servers }: Backend, out: ReadonlySet<string>): string[] {
  return servers.map(({ node, name, endpoint, isBackup, isOut }) =>
    [
      `  server ${name} ${endpoint}`,
      ...(isBackup ? ['backup'] : []),
      ...(isOut || out.has(node) ? ['disabled'] : []),
    ].join(' '),
  )
}

/** Quotes a path as one word of the configuration. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `"${path.replaceAll(/["\\$]/g, String.raw`\$&`)}"`
}
