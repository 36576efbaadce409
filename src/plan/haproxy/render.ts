/**
 * The plan as haproxy.cfg, for HAProxy from 1.8 on. Balancing and checks are in checks.ts; back ends are
 * named by address, so that HAProxy starts without DNS.
 */
import { backendLines } from './checks.ts'
import type { Backend, Frontend, HaproxyPlan, Route } from './plan.ts'

const everySection = ['  mode tcp', '  log global']

const frontendSettings = [
  ...everySection,
  '  option tcplog',
  '  option dontlognull',
  '  option clitcpka',
  '  maxconn 20000',
  '  timeout client 1m',
  '  timeout client-fin 30s',
]

/**
 * `timeout tunnel` is how long `oc rsh`, `oc logs -f` and watches may be silent: as long as the kubelet
 * itself lets them (streamingConnectionIdleTimeout). Peers that are gone are found by TCP's keep-alives.
 */
const backendSettings = [
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

/**
 * No `daemon` and no `chroot`, so that the same file works under systemd, in a container and for
 * `haproxy -c`. No global `maxconn`: HAProxy derives it from its limit of open files, and would not start
 * where that is too small for a number of ours; the other `maxconn` keeps one front end from taking all.
 */
function preamble({ socket }: HaproxyPlan): string[] {
  return [
    'global',
    '  log stdout format raw daemon',
    '  user haproxy',
    '  group haproxy',
    `  stats socket ${quote(socket)} mode 660 level admin user haproxy group haproxy expose-fd listeners`,
    '',
    'defaults',
    ...new Set([...frontendSettings, ...backendSettings]),
    '',
  ]
}

/**
 * @param out keys of nodes that get no new connections, beside those that the site itself takes out.
 *   Two texts that differ in nothing else differ in whole lines `server … disabled` (serve/haproxy/membership.ts).
 */
export function renderHaproxy(plan: HaproxyPlan, out: ReadonlySet<string> = new Set()): string {
  // Beside somebody else's defaults, every section brings its own settings and leaves theirs alone.
  const isPart = plan.with.length > 0
  return [
    `# Written by slipway from the site file of ${plan.site}.`,
    '# Edit the site, not this file: it is written anew whenever the site changes.',
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

/** For keepalived's script: it is the answer of a HAProxy that runs, whatever stands behind it. */
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
  // An address that is another machine's for now can be bound nevertheless.
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
 * Clusters that share an address are told apart by the name that the client's TLS begins with (SNI, RFC 6066
 * §3), which nobody has to end for that, or by its first request's Host. Who names none of them is turned away.
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

/** A word of the configuration, whatever characters a path has. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `"${path.replaceAll(/["\\$]/g, String.raw`\$&`)}"`
}
