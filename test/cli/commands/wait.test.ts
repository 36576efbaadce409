import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { wait } from '../../../src/cli/commands/wait.ts'
import { liveReport, plainReport } from '../../../src/cli/text/wait.ts'
import { apiPaths } from '../../../src/cluster/objects.ts'
import { stagesOf } from '../../../src/cluster/evaluate/stages.ts'
import { formatStopwatch } from '../../../src/text/format.ts'
import { kubeconfigText, startApiServer } from '../../support/api-server.ts'
import { authority } from '../../support/cluster.ts'
import { bootstrapConfigMap, condition, nodeObject, signingRequest } from '../../support/cluster-objects.ts'
import { fakeSlipway, Refused } from '../../support/fake-slipway.ts'
import { siteFolder, sitePath, siteText } from '../../support/site-folder.ts'
import { keptTerminal } from '../../support/terminal.ts'

/** A site whose kubeconfig leads to a server of this test. */
async function servedSite(t: Test, site = siteText()) {
  const server = await startApiServer(authority)
  t.teardown(() => server.close())
  const kubeconfig = kubeconfigText(
    `https://127.0.0.1:${server.port}`,
    authority,
    { token: 'sha256~token' },
    { 'tls-server-name': 'api.c1.example.net' },
  )
  const files = { ...siteFolder(site), kubeconfig }
  const path = sitePath(t.testdir(files))
  return { server, path }
}

const withKubeconfig = siteText().replace(
  '    ignition: ignition\n',
  '    ignition: ignition\n    kubeconfig: kubeconfig\n',
)
const ready = (name: string) => nodeObject(name, [condition('Ready')])

t.test('all declared nodes are Ready: exit code 0, lines or a view on a terminal', async (t) => {
  const { server, path } = await servedSite(t, withKubeconfig)
  server.put(apiPaths.nodes, ready('m1.c1.example.net'))
  server.put(apiPaths.nodes, ready('w1'))
  server.put(apiPaths.signingRequests, signingRequest('csr-1'))
  const terminal = keptTerminal()
  t.equal(await wait.run(['nodes-ready', '--cluster', 'c1', path], terminal), 0)
  t.match(terminal.outLines.join('\n'), /API: done \(v1\.30\.4\)\n.* waiting .* 2 nodes .*\n.* nodes: done$/)
  const json = keptTerminal({ usesColor: true })
  t.equal(await wait.run(['nodes-ready', '--json', path], json), 0)
  const events = json.outLines.map((line) => JSON.parse(line) as object)
  t.match(events[0], { stage: 'API', kind: 'started', elapsedMs: Number, limitMs: Number })
  t.match(events.at(-1), { stage: 'nodes', kind: 'done' })
  const view = keptTerminal({ usesColor: true })
  t.equal(await wait.run(['nodes-ready', path], view), 0)
  t.match(view.outLines.at(-1), /✓.* nodes {2}\d:\d\d$/)
})

t.test('time limit: the exit code of the stage; interrupted: 8', async (t) => {
  const { server, path } = await servedSite(t, withKubeconfig)
  const terminal = keptTerminal()
  server.refuse(apiPaths.version, ...Array.from({ length: 9 }, () => ({ status: 503, reason: 'NotYet' })))
  t.equal(await wait.run(['bootstrap-complete', '--timeout', '3s', path], terminal), 4)
  t.match(
    terminal.outLines.slice(-2).join('\n'),
    /API: time limit reached\n.* the test says NotYet \(503 NotYet\)$/,
  )
  server.refuse(apiPaths.version)
  const waiting = wait.run(['bootstrap-complete', path], keptTerminal())
  server.put('/api/v1/namespaces/kube-system/configmaps', bootstrapConfigMap())
  await server.watched('/api/v1/namespaces/kube-system/configmaps')
  process.emit('SIGTERM')
  t.equal(await waiting, 8)
})

t.test('without a usable kubeconfig or site: exit code 1 and the reason', async (t) => {
  const folder = t.testdir(siteFolder())
  const terminal = keptTerminal()
  t.equal(await wait.run(['nodes-ready', sitePath(folder)], terminal), 1)
  t.match(
    terminal.errLines[0],
    `slipway wait: the kubeconfig ${folder}/ignition/auth/kubeconfig does not exist;`,
  )
  t.equal(await wait.run(['nodes-ready', join(folder, 'none')], terminal), 1)
  t.match(terminal.errLines[1], /^there is no site file/)
})

t.test('an invalid command line is refused', async (t) => {
  const second = siteText()
    .slice(siteText().indexOf('  - name: c1'))
    .replaceAll('c1', 'c2')
    .replace('ignition: ignition', 'ignition: ignition2')
    .replaceAll(':53:0', ':53:1')
    .replaceAll('192.0.2.1', '192.0.2.3')
    .replaceAll('192.0.2.2', '192.0.2.4')
    .replace('api: 192.0.2.5', 'api: 192.0.2.7')
    .replace('ingress: 192.0.2.6', 'ingress: 192.0.2.8')
  const folder = t.testdir({
    one: siteFolder(),
    both: siteFolder(siteText() + second),
    none: siteFolder(siteText().replace(/clusters:[\s\S]*/, 'clusters: []\n')),
  })
  const [path, both, none] = ['one', 'both', 'none'].map((name) => sitePath(join(folder, name)))
  const cases: [args: string[], message: string][] = [
    [[], 'expected one of bootstrap-complete, nodes-ready, install-complete'],
    [['node-ready', path!], 'cannot wait for "node-ready" (did you mean nodes-ready?)'],
    [['x', path!], 'cannot wait for "x"'],
    [['nodes-ready', '--timeout', '9', path!], '--timeout: expected a time such as 90s, 45m, or 2h, not 9'],
    [['nodes-ready', '--cluster', 'c9', path!], 'the site has no cluster c9; it has c1'],
    [['nodes-ready', none!], 'the site does not declare a cluster: add it to clusters in the site file'],
    [['nodes-ready', both!], 'the site has several clusters: add --cluster c1 or c2'],
  ]
  for (const [args, message] of cases) {
    await t.rejects(wait.run(args, keptTerminal()), new UsageError(message), args.join(' '))
  }
})

/** A cluster as the running slipway reports it. */
const report = (cluster: string, nodes: object, trouble?: string) => ({
  cluster,
  stages: [
    { name: 'API', state: 'reached', note: 'v1.30.4', missing: [] },
    { name: 'nodes', ...nodes },
  ],
  members: [{ node: `${cluster}/w1`, state: 'absent' }],
  ...(trouble === undefined ? {} : { trouble }),
})

t.test('without a site file: the running slipway reports the stages', async (t) => {
  const missing = { state: 'under-way', missing: ['w1: has not registered'] }
  const answers = [
    new Refused(404, 'the site has no cluster c1'),
    report('c1', { state: 'unknown', missing: [] }, 'api.c1:6443: connection refused'),
    report('c1', { state: 'reached', missing: [] }),
  ]
  const { path } = await fakeSlipway(t, {
    'GET /v1/clusters': [report('c1', missing)],
    'GET /v1/clusters/c1': () => answers.shift()!,
  })
  const terminal = keptTerminal()
  t.equal(await wait.run(['nodes-ready', '--control', path], terminal), 0)
  t.same(
    terminal.outLines.map((line) => line.slice(9)),
    [
      'waiting up to 20:00 for the Kubernetes API',
      'API: done (v1.30.4)',
      'waiting up to 1:00:00 for 1 node to be Ready',
      '  w1: has not registered',
      '  cluster API unreachable: the site has no cluster c1',
      '  cluster API unreachable: api.c1:6443: connection refused',
      'nodes: done',
    ],
  )
})

t.test('without a site file: time limit, and clusters that the running slipway cannot follow', async (t) => {
  const missing = report('c1', { state: 'under-way', missing: ['w1: has not registered'] })
  const { path } = await fakeSlipway(t, {
    'GET /v1/clusters': [missing, { cluster: 'c2', stages: [], members: [] }],
    'GET /v1/clusters/c1': missing,
  })
  const terminal = keptTerminal()
  const control = ['--control', path]
  t.equal(await wait.run(['nodes-ready', '--cluster', 'c1', '--timeout', '1s', ...control], terminal), 6)
  t.same(
    terminal.outLines.slice(-2).map((line) => line.slice(9)),
    ['nodes: time limit reached', '  w1: has not registered'],
  )
  t.equal(await wait.run(['nodes-ready', '--cluster', 'c2', ...control], terminal), 1)
  t.equal(await wait.run(['bootstrap-complete', '--cluster', 'c1', ...control], terminal), 1)
  t.equal(await wait.run(['nodes-ready', '--control', `${path}.none`], terminal), 1)
  t.match(terminal.errLines, [
    'slipway wait: slipway has no kubeconfig of the cluster c2: set kubeconfig or ignition of the cluster in the site file',
    'slipway wait: the cluster c1 has no stage bootstrap: the site declares no bootstrap',
    /^slipway: cannot reach slipway at .*\.none: the socket does not exist/,
  ])
  await t.rejects(
    wait.run(['nodes-ready', ...control], terminal),
    new UsageError('the site has several clusters: add --cluster c1 or c2'),
  )
})

t.test('without a cluster to follow: why, and what to do', async (t) => {
  const slipway = await fakeSlipway(t, { 'GET /v1/clusters': [], 'GET /v1/status': {} })
  const run = async () => {
    const terminal = keptTerminal()
    return {
      code: await wait.run(['nodes-ready', '--control', slipway.path], terminal),
      err: terminal.errLines,
    }
  }
  t.same(await run(), {
    code: 1,
    err: [
      'slipway wait: this slipway does not follow clusters, because it keeps no records, like the demo: start it with "slipway serve"',
    ],
  })
  slipway.routes['GET /v1/status'] = { clusters: [] }
  t.same(await run(), {
    code: 1,
    err: ['slipway wait: the site does not declare a cluster: add it to clusters in the site file'],
  })
})

t.test('the view shows twelve of many missing items, and lines show the new ones', (t) => {
  const [stage] = stagesOf('nodes-ready', [])
  const lacks = (from: number) =>
    Array.from({ length: 15 - from }, (_, index) => `w${index + from}: not Ready`)
  const [plain, live] = [keptTerminal(), keptTerminal()]
  for (const report of [plainReport(plain), liveReport(live, [stage!])]) {
    report.show({ kind: 'started', stage: stage!, elapsedMs: 0, limitMs: 60_000 })
    report.show({ kind: 'missing', stage: stage!, elapsedMs: 1000, missing: lacks(1) })
    report.show({ kind: 'missing', stage: stage!, elapsedMs: 2000, missing: lacks(0) })
    report.tick(3000)
  }
  t.same(plain.outLines.slice(-2), ['   0:01    w14: not Ready', '   0:02    w0: not Ready'])
  t.same(live.outLines.slice(-2), ['    w11: not Ready', '    and 3 more'])
  t.end()
})

t.test('formats durations', (t) => {
  t.same([4000, 750_000, 3_723_000].map(formatStopwatch), ['0:04', '12:30', '1:02:03'])
  t.end()
})
