import t from 'tap'
import { nodeLines } from '../../../src/cli/text/node.ts'
import { nowText } from '../../../src/install/step-text.ts'
import { statusLines, type Status } from '../../../src/cli/text/status.ts'
import { createReports } from '../../../src/install/reports.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import type { NodeModel } from '../../../src/plan/model.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { golden } from '../../support/golden.ts'
import { memoryInstalls } from '../../support/memory-installs.ts'
import { observedNode, type ObservedNode } from '../../support/observed-node.ts'
import { joined, now, sampleStatus, sampleDetails } from '../../support/sample-nodes.ts'

const asText = (lines: readonly string[]) => `${lines.join('\n')}\n`
const withoutColor = (text: string) => text.replaceAll(/\u001b\[\d+m/g, '') // eslint-disable-line no-control-regex

for (const columns of [50, 80, 120, 140, 200]) {
  t.test(`shows many nodes in all states, in ${columns} columns (UPDATE=1 writes the file)`, (t) => {
    const lines = statusLines(sampleStatus(), now, { columns, usesColor: false })
    golden(t, `status/rack-${columns}.txt`, asText(lines))
    t.same(
      lines.slice(1).filter((line) => line.length > columns),
      [],
      'only the header is wider than the terminal',
    )
    const colored = statusLines(sampleStatus(), now, { columns, usesColor: true })
    t.equal(withoutColor(asText(colored)), asText(lines), 'colors do not change the text')
    t.not(asText(colored), asText(lines))
    t.end()
  })
}

for (const [name, columns] of [
  ['bs', 80],
  ['bs', 120],
  ['m1', 100],
  ['w1', 80],
  ['w2', 100],
  ['i1', 80],
] as const) {
  t.test(`shows the details of ${name} in ${columns} columns (UPDATE=1 writes the file)`, (t) => {
    const lines = nodeLines(sampleDetails(name), now, { columns, usesColor: false })
    golden(t, `status/${name}-${columns}.txt`, asText(lines))
    t.same(
      lines.slice(1).filter((line) => line.length > columns),
      [],
    )
    const colored = nodeLines(sampleDetails(name), now, { columns, usesColor: true })
    t.equal(withoutColor(asText(colored)), asText(lines))
    t.end()
  })
}

const quiet: Status = {
  site: 'lab',
  uptimeSeconds: 30,
  nodes: sampleStatus().nodes.slice(0, 1),
  strangers: [],
}

t.test('the cluster steps of a node are among its steps (UPDATE=1 writes the file)', (t) => {
  const story = joined((life) =>
    life
      .says('approved-client', { reason: 'csr-8b2rk' })
      .pass(1000)
      .says('registered')
      .says('not-ready', { reason: 'container runtime network not ready: no CNI configuration' })
      .pass(2000)
      .says('approved-serving', { reason: 'csr-x2f4t' })
      .pass(90_000)
      .says('ready'),
  )
  for (const columns of [80, 120]) {
    const lines = nodeLines(story, now, { columns, usesColor: false })
    golden(t, `status/joined-${columns}.txt`, asText(lines))
    t.same(
      lines.slice(1).filter((line) => line.length > columns),
      [],
    )
  }
  t.end()
})

t.test('a node without a recorded boot shows the state that its cluster reports', (t) => {
  const installs = memoryInstalls(['ocp45/w1'], () => now)
  const life = observedNode('ocp45/w1', now - 90 * 60_000)
  life
    .says('registered', { since: now - 91 * 60_000 })
    .pass(60_000)
    .says('ready', { since: life.now() })
  installs.remember(life.observations)
  const models = [{ key: 'ocp45/w1', role: 'worker', kernelArguments: [] }] as unknown as readonly NodeModel[]
  const story = createReports({ installs, nodes: () => models, clock: fakeClock(now) }).details('ocp45/w1')!
  t.equal(nowText(story.step, now), 'Ready 89 min')
  t.same(nodeLines({ ...story, fqdn: 'w1' }, now, { columns: 80, usesColor: false }).slice(2), [
    ...['', '2026-11-21 09:29:00 UTC  in the cluster', '09:29:00   registered', '09:31:00   Ready'],
  ])
  t.end()
})

t.test('the table shows the state of a node in its cluster, and why it is not Ready', (t) => {
  const words: [life: (life: ObservedNode) => ObservedNode, text: string][] = [
    [(life) => life.says('approved-client'), 'client certificate approved 25 min ago'],
    [(life) => life.says('registered'), 'registered 25 min ago'],
    [(life) => life.says('approved-serving'), 'serving certificate approved 25 min ago'],
    [(life) => life.says('ready'), 'Ready 25 min'],
    [(life) => life.says('not-ready', { reason: 'no CNI' }), 'not Ready 25 min: no CNI'],
    [(life) => life.says('not-ready'), 'not Ready 25 min'],
    [(life) => life.says('removed'), 'removed from its cluster 25 min ago'],
    [(life) => life.says('ready').pass(60_000).asks('firmware'), 'firmware DHCP, 24 min ago'],
  ]
  for (const [says, text] of words) t.equal(nowText(joined(says).step, now), text)
  const node = joined((life) =>
    life.says('not-ready', { reason: 'container runtime network not ready: no CNI\u001b[2J configuration' }),
  )
  t.same(statusLines({ ...quiet, nodes: [node] }, now, { columns: 80, usesColor: false }).slice(2), [
    'node      role    address      state             now',
    'ocp45/w1  worker  172.16.0.15  installed 25 min  not Ready 25 min',
    '    container runtime network not ready: no CNI?[2J configuration',
  ])
  t.end()
})

t.test('a site without problems has a header and a table', (t) => {
  t.equal(
    asText(statusLines(quiet, now, { columns: 80, usesColor: false })),
    `lab  up 30 s, 1 node: 1 installed

node      role       address      state             now
ocp45/bs  bootstrap  172.16.0.11  installed 22 min  first start 20 min ago
`,
  )
  t.match(
    statusLines({ ...quiet, strangers: [{ mac: '00:00:5e:00:53:77' }] }, now, {
      columns: 80,
      usesColor: false,
    }),
    [/^lab/, '! 1 undeclared machine sent DHCP requests: see slipway nodes seen'],
  )
  t.end()
})

t.test('nodes that slipway does not boot are below the table', (t) => {
  const notBooted = ['ocp45/m9', 'ocp45/w9']
  t.same(statusLines({ ...quiet, notBooted }, now, { columns: 80, usesColor: false }).slice(-2), [
    '',
    'not booted by slipway: ocp45/m9, ocp45/w9',
  ])
  t.end()
})

const notices = (status: Status, columns: number): string[] =>
  statusLines(status, now, { columns, usesColor: false }).slice(1, -3)

t.test('problems and warnings are above the table, three of each code', (t) => {
  const code = 'haproxy.server-down'
  const problems = ['m1', 'm2', 'm3', 'm4', 'm5'].map((name) => ({ code, text: `kubeapi ${name} DOWN` }))
  const status = {
    ...quiet,
    warnings: ['cluster ocp45: bootstrap.ign is old'],
    problems: [...problems, { code: 'state.not-writable', text: 'the disk is full' }],
  }
  const lines = statusLines(status, now, { columns: 120, usesColor: false })
  t.same(
    lines.filter((line) => line.startsWith('! ')),
    [
      '! kubeapi m1 DOWN',
      '! kubeapi m2 DOWN',
      '! kubeapi m3 DOWN',
      '! and 2 more problems with the code haproxy.server-down: see slipway status --json',
      '! the disk is full',
      '! cluster ocp45: bootstrap.ign is old',
    ],
  )
  t.end()
})

t.test('servers whose nodes are not installed yet are a fact, not a problem', (t) => {
  const server = {
    isUp: false,
    isTested: true,
    isOut: false,
    isLeaving: false,
    isExpected: false,
    node: 'ocp45/m1',
    sentence: 'kubeapi m1 DOWN',
  }
  const others = [{ isUp: true }, { isTested: false }, { isOut: true }, { isExpected: true }]
  const servers = [server, { ...server, node: 'ocp45/m2' }, ...others.map((each) => ({ ...server, ...each }))]
  t.same(notices({ ...quiet, haproxy: { servers } }, 80), [
    '  2 HAProxy servers of 2 nodes not up yet: they serve when their nodes are',
    '  installed',
  ])
  t.end()
})

t.test('a draining server is not reported as down', (t) => {
  const leaving = (name: string, sentence: string) => ({
    node: `ocp45/${name}`,
    isExpected: false,
    isUp: false,
    isTested: true,
    isOut: true,
    isLeaving: true,
    sentence: `workerhttp ${name} ${sentence}`,
  })
  const servers = [
    leaving('w3', 'DRAIN since 10:22 UTC, 2 connections left'),
    ...['w4', 'w5', 'w6', 'w7'].map((name) => leaving(name, 'DOWN since 10:22 UTC, 1 connection left')),
  ]
  t.same(notices({ ...quiet, haproxy: { servers } }, 80), [
    '! draining: workerhttp w3 DRAIN since 10:22 UTC, 2 connections left',
    '! draining: workerhttp w4 DOWN since 10:22 UTC, 1 connection left',
    '! draining: workerhttp w5 DOWN since 10:22 UTC, 1 connection left',
    '! and 2 more draining HAProxy servers: see slipway status --json',
  ])
  t.end()
})

const noticeOf = (text: string, columns: number): string[] =>
  notices({ ...quiet, problems: [{ code: 'http.file-missing', text }] }, columns).filter(Boolean)

t.test('a notice is wrapped to the width of the terminal, at most 100 columns, and never cut', (t) => {
  const path = `a/${'very/'.repeat(20)}long/path`
  t.same(noticeOf(`${path} is not there`, 40), [`! ${path}`, '  is not there'])
  t.match(noticeOf('word '.repeat(30), 200), [/^! (word ?){19}$/, /^ {2}(word ?){11}$/])
  t.end()
})

t.test('an undeclared machine with the digits of a declared one is named with it', (t) => {
  const mac = '00:50:56:96:11:2c'
  const similar = [{ node: 'ocp45/bs', mac: '00:50:56:96:11:c2' as Mac }]
  t.same(notices({ ...quiet, strangers: [{ mac, similar }, { mac: '00:00:5e:00:53:78' }] }, 80), [
    '! undeclared machine 00:50:56:96:11:2c, similar to ocp45/bs (00:50:56:96:11:c2):',
    '  correct the MAC address in the site file if this is the machine',
    '! 2 undeclared machines sent DHCP requests: see slipway nodes seen',
  ])
  t.end()
})
