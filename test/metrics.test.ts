import t from 'tap'
import { expositionType } from '../src/host/counters.ts'
import { clusterFamilies, type ClusterStatus } from '../src/cluster/report.ts'
import { renderMetrics, type Measured } from '../src/metrics.ts'
import type { BalancerState } from '../src/serve/haproxy/balancer.ts'
import { haproxyFamilies } from '../src/serve/haproxy/servers.ts'
import { now, sampleInstalls, sampleClusterStatus } from './support/sample-nodes.ts'
import { routesWorld } from './support/http-service.ts'

const server = (name: string, more: object) => ({
  node: `ocp45/${name}`,
  backend: 'kubeapi',
  server: name,
  status: 'UP',
  isUp: true,
  isTested: true,
  isExpected: true,
  isBackup: false,
  isOut: false,
  isLeaving: false,
  connections: 3,
  sentence: 'kubeapi, a reason',
  ...more,
})

const servers = [
  server('m1', {}),
  server('m2', { status: 'DOWN', isUp: false, connections: 0 }),
  server('m3', { isTested: false, connections: 1 }),
  server('m4', { status: 'MAINT', isUp: false, isOut: true, connections: 0 }),
  server('m5', { status: 'DRAIN', isUp: false, isOut: true, isLeaving: true, connections: 2 }),
  server('m6', { status: 'unknown', isUp: false, isTested: false, connections: 0 }),
]

/** Its boot stopped while it fetched the rootfs. */
const stopped = {
  name: 'rootfs-interrupted',
  code: 'install.rootfs-interrupted',
  saw: 'the download ended',
  likely: 'the network was interrupted',
  advice: 'start it again',
} as const

const measured = {
  site: 'a "lab" \\ with\nlines',
  uptimeSeconds: 12,
  siteFileDiffers: false,
  counters: { 'dhcp.offered': 3, 'dns.cacheHits': 40, 'http.bugs': 2 },
  refusals: { 'dns.client-not-allowed': 7 },
  records: sampleInstalls().list(),
  nodes: [{ node: 'ocp45/m1' }, { node: 'ocp45/w1', symptom: stopped }],
  clusters: [
    sampleClusterStatus,
    {
      ...sampleClusterStatus,
      cluster: 'ocp46',
      trouble: 'there is no kubeconfig',
      stages: sampleClusterStatus.stages.slice(5),
      requests: { approve: 'off', approved: 0 } as const,
    },
    { ...sampleClusterStatus, cluster: 'nobody-asks', stages: [] },
  ],
  ignition: [{ cluster: 'ocp45', kind: 'bootstrap', expiresAt: 1_795_000_000_400 } as const],
  haproxy: { applied: { outcome: 'reload failed', reason: 'a reason' }, servers, out: [] } as const,
  now,
}

type Parts = Measured & {
  readonly haproxy?: BalancerState
  readonly clusters?: readonly ClusterStatus[]
}

/** Renders the metrics of the process together with those of its components. */
function render({ haproxy, clusters, ...rest }: Parts): string {
  const families = [
    ...(haproxy === undefined ? [] : haproxyFamilies(haproxy)),
    ...(clusters === undefined ? [] : clusterFamilies(clusters)),
  ]
  return renderMetrics({ ...rest, families })
}

t.test('the metrics are in the text format of Prometheus', (t) => {
  const text = render(measured)
  t.match(text, 'slipway_info{site="a \\"lab\\" \\\\ with\\nlines"} 1\n')
  t.match(text, '# TYPE slipway_dns_cache_hits_total counter\nslipway_dns_cache_hits_total 40\n')
  t.match(text, '\nslipway_refusals_total{code="dns.client-not-allowed"} 7\n')
  t.match(text, '\nslipway_bugs_total{component="http"} 2\nslipway_bugs_total{component="install"} 0\n')
  t.match(text, '\nslipway_http_bugs_total 2\n', 'the name of the previous release')
  t.match(text, '\nslipway_nodes{mode="install"} 3\nslipway_nodes{mode="installing"} 2\n')
  t.match(text, '\nslipway_nodes{mode="menu"} 0\n')
  t.match(text, '\nslipway_ignition_expiry_timestamp_seconds{cluster="ocp45",kind="bootstrap"} 1795000000\n')
  t.match(text, '\nslipway_node_since_seen_seconds{node="ocp45/m1"} 62\n')
  t.notMatch(text, /since_seen_seconds\{node="ocp45\/i1"/, 'never seen')
  t.match(text, '\nslipway_node_problem{node="ocp45/w1",code="install.rootfs-interrupted"} 1\n')
  t.notMatch(text, /node_problem\{node="ocp45\/m1"/, 'without a symptom')
  t.notMatch(text, /172\.16|reason|\/dev\/sdb/, 'neither addresses nor reasons')
  t.end()
})

t.test('clusters report reachability, stages, nodes, and pending requests', (t) => {
  const lines = render(measured).split('\n')
  t.same(
    lines.filter((line) => /^slipway_(?:cluster|csr_pending)/.test(line)),
    [
      'slipway_cluster_heard{cluster="ocp45"} 1',
      'slipway_cluster_heard{cluster="ocp46"} 0',
      'slipway_cluster_stage_reached_timestamp_seconds{cluster="ocp45",stage="API"} 1795256160',
      'slipway_cluster_stage_reached_timestamp_seconds{cluster="ocp45",stage="bootstrap"} 1795257180',
      'slipway_cluster_stage_reached_timestamp_seconds{cluster="ocp45",stage="etcd"} 1795257270',
      'slipway_cluster_nodes{cluster="ocp45",state="absent"} 1',
      'slipway_cluster_nodes{cluster="ocp45",state="not-ready"} 1',
      'slipway_cluster_nodes{cluster="ocp45",state="ready"} 3',
      'slipway_cluster_nodes{cluster="ocp45",state="unknown"} 0',
      'slipway_cluster_nodes{cluster="ocp46",state="absent"} 1',
      'slipway_cluster_nodes{cluster="ocp46",state="not-ready"} 1',
      'slipway_cluster_nodes{cluster="ocp46",state="ready"} 3',
      'slipway_cluster_nodes{cluster="ocp46",state="unknown"} 0',
      'slipway_csr_pending{cluster="ocp45"} 2',
    ],
  )
  t.notMatch(lines.join('\n'), /nobody-asks|kubeconfig|ConfigMap/)
  t.end()
})

t.test('without installation records there are no metrics of nodes', (t) => {
  const { site, uptimeSeconds, siteFileDiffers, counters } = measured
  const text = render({ site, uptimeSeconds, siteFileDiffers, counters, ignition: [], now })
  t.notMatch(text, /slipway_node|slipway_cluster/)
  t.end()
})

const processHealth = {
  eventLoopDelayMs: { p99: 1.5, max: 250 },
  residentMemoryBytes: 90_000_000,
  heapUsedBytes: 40_000_000,
  logLinesLost: 4,
}

/** Lines of the families of the process itself. */
function processLines(process: Measured['process']): string[] {
  const family = /^slipway_(?:event_loop|resident|open_files|datagrams|log_lines)/
  return renderMetrics({ ...measured, ...(process === undefined ? {} : { process }) })
    .split('\n')
    .filter((line) => family.test(line))
}

t.test('the health of the process has base units: seconds and bytes', (t) => {
  t.same(processLines({ ...processHealth, openFiles: 31, datagramsDropped: 5 }), [
    'slipway_event_loop_delay_seconds{quantile="0.99"} 0.0015',
    'slipway_event_loop_delay_seconds{quantile="1"} 0.25',
    'slipway_resident_memory_bytes 90000000',
    'slipway_open_files 31',
    'slipway_datagrams_dropped_total 5',
    'slipway_log_lines_lost_total 4',
  ])
  t.same(
    processLines(processHealth).filter((line) => /open_files|datagrams/.test(line)),
    [],
    'absent where /proc is not available, because 0 would be wrong',
  )
  t.same(processLines(undefined), [])
  t.end()
})

t.test('problems are counted by code without their texts, and services are up or down', (t) => {
  const missing = { code: 'tftp.loader-missing', text: 'a reason with /usr/lib/ipxe' }
  const problems = [missing, { code: 'dns.test', text: 'a reason' }, missing]
  const text = renderMetrics({ ...measured, problems, services: { dhcp: true, dns: false } })
  t.same(
    text.split('\n').filter((line) => /^slipway_(?:problems|service_up)/.test(line)),
    [
      'slipway_service_up{service="dhcp"} 1',
      'slipway_service_up{service="dns"} 0',
      'slipway_problems{code="tftp.loader-missing"} 2',
      'slipway_problems{code="dns.test"} 1',
    ],
  )
  t.notMatch(text, 'reason')
  t.notMatch(renderMetrics(measured), /\nslipway_(?:problems|service_up)/, 'no samples without any')
  t.end()
})

t.test('a site file that differs from the active plan reads 1', (t) => {
  t.match(renderMetrics(measured), '\nslipway_site_file_differs 0\n')
  t.match(renderMetrics({ ...measured, siteFileDiffers: true }), '\nslipway_site_file_differs 1\n')
  t.end()
})

/** Lines of a family, without its name. */
function samplesOf(text: string, name: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`slipway_haproxy_${name}`))
    .map((line) => line.slice(`slipway_haproxy_${name}`.length))
}

t.test('servers that are disabled or not checked yet do not count as down', (t) => {
  const text = render(measured)
  t.same(samplesOf(text, 'answering'), [' 1'])
  t.same(samplesOf(text, 'server_up'), [
    '{backend="kubeapi",server="m1"} 1',
    '{backend="kubeapi",server="m2"} 0',
  ])
  t.same(samplesOf(text, 'server_connections'), [
    '{backend="kubeapi",server="m1"} 3',
    '{backend="kubeapi",server="m2"} 0',
    '{backend="kubeapi",server="m3"} 1',
    '{backend="kubeapi",server="m4"} 0',
    '{backend="kubeapi",server="m5"} 2',
  ])
  t.same(samplesOf(text, 'servers_out'), [' 1'])
  t.same(samplesOf(text, 'servers_leaving'), [' 1'])
  t.end()
})

t.test('the result of the last HAProxy change is one of all results', (t) => {
  const outcomes = (outcome: 'refused' | 'told') =>
    samplesOf(render({ ...measured, haproxy: { ...measured.haproxy, applied: { outcome } } }), 'last_change')
  t.same(outcomes('refused'), [
    '{outcome="none"} 0',
    '{outcome="unchanged"} 0',
    '{outcome="written"} 0',
    '{outcome="told"} 0',
    '{outcome="reloaded"} 0',
    '{outcome="refused"} 1',
    '{outcome="unwritable"} 0',
    '{outcome="reload failed"} 0',
  ])
  t.same(
    outcomes('told').filter((line) => line.endsWith(' 1')),
    ['{outcome="told"} 1'],
  )
  t.end()
})

t.test('a client that may not read the names of nodes gets sums', (t) => {
  const { clusters, haproxy, ...rest } = measured as Parts
  const families = [...haproxyFamilies(haproxy as BalancerState), ...clusterFamilies(clusters ?? [])]
  const [whole, short] = [true, false].map((isWhole) => renderMetrics({ ...rest, families }, isWhole))
  t.match(whole, 'slipway_node_problem{node="ocp45/w1",code="install.rootfs-interrupted"} 1\n')
  t.match(short, 'slipway_node_problem{code="install.rootfs-interrupted"} 1\n')
  t.match(short, 'slipway_haproxy_server_connections{backend="kubeapi"} 6\n')
  t.match(short, 'slipway_nodes{mode="install"}')
  t.notMatch(short, /node=|server=|ocp45\/|since_seen/)
  t.end()
})

t.test('an HAProxy that does not respond has no metrics of servers', (t) => {
  const silent = { applied: { outcome: 'reloaded' }, unreachable: 'no socket', servers: [], out: [] } as const
  const text = render({ ...measured, haproxy: silent })
  t.same(samplesOf(text, 'answering'), [' 0'])
  t.same(samplesOf(text, 'server'), [])
  const unasked = { applied: { outcome: 'none' }, servers: [], out: [] } as const
  t.same(samplesOf(render({ ...measured, haproxy: unasked }), 'answering'), [' 0'], 'before the first query')
  t.end()
})

t.test('a site without HAProxy has no metrics of it', (t) => {
  const { site, uptimeSeconds, siteFileDiffers, counters } = measured
  t.notMatch(render({ site, uptimeSeconds, siteFileDiffers, counters, ignition: [], now }), 'slipway_haproxy')
  t.end()
})

t.test('the text follows the rules of format version 0.0.4', (t) => {
  const complete = {
    ...measured,
    process: { ...processHealth, openFiles: 31, datagramsDropped: 5 },
    problems: [{ code: 'dns.test', text: '' }],
    services: { dns: true },
  }
  const lines = render(complete).split('\n')
  t.equal(lines.pop(), '', 'the last line ends in a line feed')
  const typed = new Map<string, string>()
  const helped = new Set<string>()
  const samples = new Set<string>()
  const label = String.raw`[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*"`
  const sample = new RegExp(
    String.raw`^([a-zA-Z_:][a-zA-Z0-9_:]*)((?:\{${label}(?:,${label})*\})?) (-?\d+(?:\.\d+)?)$`,
  )
  for (const line of lines) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (kind === 'HELP') {
      t.notOk(helped.has(name), `a single HELP for ${name}`)
      helped.add(name)
    } else if (kind === 'TYPE') {
      t.notOk(typed.has(name), `a single TYPE for ${name}, before its samples`)
      t.match(rest, /^(?:counter|gauge)$/)
      t.equal(name.endsWith('_total'), rest === 'counter', `${name} is named as a ${rest}`)
      typed.set(name, rest)
    } else {
      const [, family = '', labels = ''] = sample.exec(line) ?? []
      t.ok(typed.has(family) && helped.has(family), line)
      t.notOk(samples.has(family + labels), `a single sample of ${family}${labels}`)
      samples.add(family + labels)
    }
  }
  t.end()
})

t.test('/metrics has the content type of the format', async (t) => {
  const { ask } = await routesWorld(t)
  const { statusCode, headers, body } = await ask('/metrics')
  t.same([statusCode, headers['content-type'], body], [200, expositionType, 'slipway_uptime_seconds 1\n'])
})
