import t from 'tap'
import { addressProblems, createAppReport, type SiteProblem } from '../src/app-report.ts'
import type { Running } from '../src/component.ts'
import { Counters, gauge } from '../src/host/counters.ts'
import type { CurrentContents } from '../src/plan/ignition/findings.ts'
import type { ActiveProblem } from '../src/text/codes.ts'
import { compile } from '../src/plan/compile.ts'
import { fakeClock } from './support/fake-clock.ts'
import { madeAt, usableUntil } from './support/ignition.ts'
import { memoryInstalls } from './support/memory-installs.ts'
import { exampleModel, exampleSite, ignitionFile, ignitionFiles, missing } from './support/model.ts'

const hour = 3_600_000

const firstToExpire = { subject: 'CN=m1', notBefore: madeAt, notAfter: usableUntil, where: '/etc/x' }

/** The report of the example site on a server without its address and one loader, 13 hours after the Ignition files were made. */
function exampleReport({
  running = [],
  siteProblem,
  contents = () => undefined,
  isSound = false,
  other,
}: {
  running?: Running[]
  siteProblem?: SiteProblem
  contents?: CurrentContents
  /** Whether the server has its address and its loader, and all services run. */
  isSound?: boolean
  /** One more node of the cluster. */
  other?: object
} = {}) {
  const { loaders } = exampleModel().facts
  const example = exampleSite()
  if (other !== undefined) (example.clusters[0]?.nodes as object[]).push(other)
  const site = { ...example, server: { address: isSound ? '127.0.0.1' : '198.51.100.2' } }
  const plan = compile(
    exampleModel(site, {
      loaders: new Map([
        ...loaders,
        ...(isSound
          ? []
          : [
              [
                'bios/undionly.kpxe',
                missing('/usr/lib/ipxe', 'undionly.kpxe was not found in /usr/lib/ipxe'),
              ] as const,
            ]),
      ]),
      ignition: new Map([
        [
          'ocp45',
          {
            ...ignitionFiles('/srv/ignition'),
            bootstrap: ignitionFile('/srv/ignition/bootstrap.ign', { madeAt, usableUntil, firstToExpire }),
          },
        ],
      ]),
    }),
  )
  const clock = fakeClock(madeAt + 13 * hour)
  const counters = new Counters()
  const unlessSound = (problems: ActiveProblem[]) => (isSound ? [] : problems)
  const report = createAppReport({
    sitePath: '/etc/slipway/site.yaml',
    plan: () => plan,
    clock,
    counters,
    reports: { listInTurns: () => Promise.resolve([]) },
    supervisor: {
      running,
      start: () => Promise.resolve(),
      apply: () => Promise.resolve(),
      services: () => ({ dhcp: true, dns: false }),
      problems: () =>
        unlessSound([
          { code: 'server.service-not-started', text: 'dns does not run: 198.51.100.2:53 is taken' },
        ]),
      outages: () =>
        unlessSound([{ code: 'dns.resolver-unreachable', text: 'resolver 192.0.2.53 has not answered' }]),
      close: () => Promise.resolve(),
    },
    contents,
    installs: memoryInstalls(plan.nodes.map(({ key }) => key)),
    problems: () => unlessSound([{ code: 'state.not-writable', text: '/var/lib/slipway is full' }]),
    siteProblem: () => siteProblem,
    isAttached: () => true,
    processHealth: () => ({
      eventLoopDelayMs: { p99: 1, max: 2 },
      residentMemoryBytes: 90_000_000,
      heapUsedBytes: 40_000_000,
      logLinesLost: 0,
    }),
  })
  return { report, clock, counters }
}

const stranger = { mac: '00:00:5e:00:53:77', firstSeen: madeAt, lastSeen: madeAt + 1500, count: 4 }

const dhcp: Running = {
  name: 'dhcp',
  listening: ['udp 198.51.100.2:67', 'udp 198.51.100.2:4011'],
  health: () => ({ strangers: [stranger], declined: [{ node: 'ocp45/m1', address: '192.0.2.11' }] }),
  status: () => ({ leases: '/var/lib/slipway/leases' }),
  metrics: () => [gauge('slipway_dhcp_test', 'A test.', [{ value: 7 }])],
  close: () => undefined,
}
const silent: Running = {
  name: 'control',
  listening: ['unix /run/slipway/control.sock'],
  close: () => undefined,
}

/** Of all sources, in order: the app, the address, the plan, the components. */
const codes = [
  'state.not-writable',
  'server.address-missing',
  'tftp.loader-missing',
  'server.service-not-started',
  'dns.resolver-unreachable',
]

const warningCodes = ['dns.forward-empty', 'ignition.ageing']

t.test('an address that disappeared is a problem: the sockets that use it do not report that', (t) => {
  t.same(addressProblems('127.0.0.1'), [])
  t.same(addressProblems('192.0.2.1'), [
    {
      code: 'server.address-missing',
      text: 'no interface has server.address 192.0.2.1, so clients cannot reach slipway',
    },
  ])
  t.end()
})

t.test('/health has the codes of problems, but not their texts, which contain names of local files', (t) => {
  const { report, clock, counters } = exampleReport({ running: [dhcp, silent] })
  counters.increment('dhcp.offered', 3)
  counters.refuse('dns.client-not-allowed')
  clock.advance(12_400)
  const health = report.health()
  t.match(health, {
    site: 'lab',
    siteFileDiffers: false,
    uptimeSeconds: 12,
    nodes: 4,
    problems: codes,
    status: 'degraded',
    warnings: warningCodes,
    listening: [
      'dhcp udp 198.51.100.2:67',
      'dhcp udp 198.51.100.2:4011',
      'control unix /run/slipway/control.sock',
    ],
    counters: { 'dhcp.offered': 3 },
    refusals: { 'dns.client-not-allowed': 1 },
    process: { residentMemoryBytes: 90_000_000 },
  })
  t.notMatch(JSON.stringify(health), /site\.yaml|ipxe|\/srv|\/var\/lib/)
  t.end()
})

t.test('/health has times as text, and the local API as numbers', (t) => {
  const { report } = exampleReport({ running: [dhcp] })
  const health = report.health()
  t.same(health['strangers'], [
    {
      mac: '00:00:5e:00:53:77',
      firstSeen: new Date(madeAt).toISOString(),
      lastSeen: new Date(madeAt + 1500).toISOString(),
      count: 4,
    },
  ])
  t.same(health['declined'], [{ node: 'ocp45/m1', address: '192.0.2.11' }])
  t.same(report.strangers(), [stranger])
  t.same(report.status()['strangers'], [stranger])
  t.end()
})

t.test('without the DHCP service there are no clients', (t) => {
  const { report } = exampleReport({ running: [silent] })
  const empty = { strangers: [], declined: [], otherDhcpServers: [] }
  t.match(report.health(), empty)
  t.match(report.status(), empty)
  t.same(report.strangers(), [])
  t.end()
})

t.test('the local API gets the texts of problems, the warnings, and the names of files', (t) => {
  const { report } = exampleReport({ running: [dhcp] })
  const status = report.status()
  t.match(status, {
    siteFile: '/etc/slipway/site.yaml',
    leases: '/var/lib/slipway/leases',
    problems: [
      { code: 'state.not-writable', text: '/var/lib/slipway is full' },
      { code: 'server.address-missing', text: /server\.address 198\.51\.100\.2,/ },
      {
        code: 'tftp.loader-missing',
        text: 'loader bios/undionly.kpxe: ocp45/bs and 3 more cannot boot: undionly.kpxe was not found in /usr/lib/ipxe; when this is fixed, run "slipway reload"',
      },
      { code: 'server.service-not-started', text: 'dns does not run: 198.51.100.2:53 is taken' },
    ],
    warnings: [
      /^dns\.forward: is empty/,
      /^cluster ocp45: \/srv\/ignition\/bootstrap\.ign was created 13 h ago and expires/,
    ],
    warningCodes,
    ignition: [{ cluster: 'ocp45', kind: 'bootstrap', expiresAt: usableUntil }],
  })
  t.equal(
    exampleReport({ siteProblem: { code: 'site.empty', reasons: [] } }).report.status()['siteFileDiffers'],
    true,
  )
  t.end()
})

t.test('an Ignition file that expires while slipway runs becomes a problem', (t) => {
  const { report, clock } = exampleReport()
  const found = () => report.siteProblems().map(({ code }) => code)
  t.same(found(), ['tftp.loader-missing', 'server.service-not-started'])
  t.ok(report.findings().some(({ code, severity }) => code === 'ignition.ageing' && severity === 'warning'))
  clock.advance(12 * hour)
  t.same(found(), ['tftp.loader-missing', 'ignition.expired', 'server.service-not-started'])
  t.match(report.health(), { problems: [...codes.slice(0, 3), 'ignition.expired', ...codes.slice(3)] })
  t.same(report.status()['warningCodes'], ['dns.forward-empty'])
  t.end()
})

t.test('an Ignition file that was replaced is checked by its new contents', (t) => {
  const later = {
    version: '3.2.0',
    unread: 0,
    madeAt: madeAt + 12 * hour,
    usableUntil: usableUntil + 12 * hour,
  }
  const { report } = exampleReport({
    contents: (path) => (path.endsWith('/bootstrap.ign') ? later : undefined),
  })
  t.same(report.status()['warningCodes'], ['dns.forward-empty'])
  const expired = { ...later, madeAt: madeAt - 24 * hour, usableUntil: madeAt }
  t.match(exampleReport({ contents: () => expired }).report.health(), {
    problems: [...codes.slice(0, 3), 'ignition.expired', ...codes.slice(3)],
  })
  t.end()
})

t.test('the local API lists nodes that slipway does not boot', (t) => {
  t.equal(exampleReport().report.status()['notBooted'], undefined)
  const other = { name: 'm9', role: 'master', boot: 'none', address: '172.16.0.29' }
  t.same(exampleReport({ other }).report.status()['notBooted'], ['ocp45/m9'])
  t.end()
})

t.test('without problems the status is ok', (t) => {
  const { report } = exampleReport({ isSound: true })
  t.match(report.health(), { status: 'ok', problems: [] })
  t.end()
})

t.test('the metrics are those of the process, its nodes, and its components', async (t) => {
  const { report, counters } = exampleReport({ running: [dhcp, silent] })
  counters.increment('dhcp.offered', 3)
  const text = await report.metrics(true)
  const lines = [
    'slipway_info{site="lab"} 1',
    'slipway_nodes{mode="install"} 4',
    `slipway_ignition_expiry_timestamp_seconds{cluster="ocp45",kind="bootstrap"} ${usableUntil / 1000}`,
    'slipway_service_up{service="dns"} 0',
    ...warningCodes.map((code) => `slipway_warnings{code="${code}"} 1`),
    ...codes.map((code) => `slipway_problems{code="${code}"} 1`),
    'slipway_resident_memory_bytes 90000000',
    'slipway_dhcp_test 7',
    'slipway_dhcp_offered_total 3',
  ]
  const printed = text.split('\n')
  t.same(
    lines.filter((line) => !printed.includes(line)),
    [],
  )
})
