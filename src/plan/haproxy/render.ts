/** Renders haproxy.cfg for HAProxy 1.8 and later. Servers have addresses, so that HAProxy starts without DNS. */
import type {
  Backend,
  Frontend,
  HaproxyPlan,
  Route,
  LoadBalancedService,
  StatsPage,
  Timeouts,
} from './plan.ts'
import type { CheckPreset } from '../../site/load-balancing.ts'

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

const defaultLog = ['stdout format raw daemon']

/** Unprivileged after start, and without code or files of others. */
export const globalSettings = ['  user haproxy', '  group haproxy']

export const statsUserlist = 'slipway-stats'

/** The page is read-only: `stats admin` is never set. */
export const statsSettings = [
  '  mode http',
  '  log global',
  '  option httplog',
  '  option dontlognull',
  '  timeout client 30s',
  '  timeout http-request 10s',
  `  http-request auth realm HAProxy unless { http_auth(${statsUserlist}) }`,
  '  stats enable',
  '  stats hide-version',
  '  stats show-legends',
]

/**
 * Without `daemon` and `chroot`, the same file works under systemd, in a container, and for `haproxy -c`. There is no
 * global `maxconn`: HAProxy derives it from its limit of open files, and would not start with a larger one. The other
 * `maxconn` limits each frontend.
 */
function preamble({ socket, log = defaultLog, timeouts = {} }: HaproxyPlan): string[] {
  return [
    'global',
    ...log.map((target) => `  log ${target}`),
    ...globalSettings,
    `  stats socket ${quote(socket)} mode 660 level admin user haproxy group haproxy expose-fd listeners`,
    '',
    'defaults',
    ...withTimeouts([...new Set([...frontendSettings, ...backendSettings])], timeouts),
    '',
  ]
}

/** Replaces the times of `timeout` lines. */
function withTimeouts(lines: readonly string[], timeouts: Timeouts): string[] {
  return lines.map((line) => {
    const [, name = ''] = /^ {2}timeout (\S+) /.exec(line) ?? []
    const time = timeouts[name as keyof Timeouts]
    return time === undefined ? line : `  timeout ${name} ${time}`
  })
}

/**
 * Returns the settings of a section: all of them if the file has no section `defaults`, else only the times that differ
 * from its times.
 */
function sectionSettings(plan: HaproxyPlan, settings: readonly string[], own: Timeouts = {}): string[] {
  const { log, timeouts } = plan
  if (!isPart(plan)) {
    const defaults = new Set(withTimeouts(settings, timeouts ?? {}))
    return withTimeouts(settings, { ...timeouts, ...own }).filter((line) => !defaults.has(line))
  }
  return withTimeouts(settings, { ...timeouts, ...own }).flatMap((line) =>
    line === '  log global' && log !== undefined ? log.map((target) => `  log ${target}`) : [line],
  )
}

/** In a file that HAProxy loads with others, every section has its own settings, so that no default changes for them. */
function isPart({ with: beside }: HaproxyPlan): boolean {
  return beside.length > 0
}

/**
 * @param out keys of drained nodes, beside those that the site file disables. Two texts that differ only in drained
 *   nodes differ in whole lines `server … disabled` (`membershipChanges` in serve/haproxy/draining.ts)
 */
export function renderHaproxy(plan: HaproxyPlan, out: ReadonlySet<string> = new Set()): string {
  return [
    `# Written by slipway from the site file of ${plan.site}.`,
    '# Edit the site file, not this file: slipway overwrites it when the site changes.',
    '',
    ...(isPart(plan) ? [] : preamble(plan)),
    ...healthLines(plan),
    ...(plan.stats === undefined ? [] : statsLines(plan, plan.stats)),
    ...plan.frontends.flatMap((frontend) => frontendLines(plan, frontend)),
    ...plan.backends.flatMap((backend) => [
      `backend ${backend.name}`,
      ...sectionSettings(plan, backendSettings, backend.timeouts),
      ...withTimeouts(backendLines(backend.service, backend.checks), {
        ...plan.timeouts,
        ...backend.timeouts,
      }),
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

function statsLines(plan: HaproxyPlan, { binds, uri, refreshSeconds, users }: StatsPage): string[] {
  const settings = statsSettings.filter((line) => users.length > 0 || !line.startsWith('  http-request auth'))
  return [
    ...(users.length === 0 ? [] : [`userlist ${statsUserlist}`]),
    ...users.map(({ name, hash }) => `  user ${name} password ${hash}`),
    ...(users.length === 0 ? [] : ['']),
    'frontend slipway-stats',
    ...binds.map((bind) => `  bind ${bind}`),
    ...settings.flatMap((line) =>
      line === '  log global' && isPart(plan) ? sectionSettings(plan, [line]) : [line],
    ),
    `  stats uri ${uri}`,
    ...(refreshSeconds === undefined ? [] : [`  stats refresh ${refreshSeconds}s`]),
    '',
  ]
}

function frontendLines(plan: HaproxyPlan, frontend: Frontend): string[] {
  // Allows binding to an address that another machine holds.
  const isShared = plan.healthPort !== undefined
  const lineOf = (bind: string) =>
    isShared && !bind.startsWith('*') && !bind.includes(' transparent') ? `${bind} transparent` : bind
  return [
    `frontend ${frontend.name}`,
    ...sectionSettings(plan, frontendSettings, frontend.timeouts),
    ...frontend.binds.map((bind) => `  bind ${lineOf(bind)}`),
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

/** Returns the mode of a new file with this text: hashes of passwords are not for every user of the machine. */
export function fileModeOf(text: string): number {
  return /^userlist /m.test(text) ? 0o640 : 0o644
}

/** Quotes a path as one word of the configuration. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `"${path.replaceAll(/["\\$]/g, String.raw`\$&`)}"`
}

// Balancing and health checks of a backend, by service and preset (docs/decisions/0023), as configuration lines.

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
