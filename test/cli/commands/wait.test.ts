import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { UsageError } from '../../../src/cli/command.ts'
import { liveReport, plainReport, wait } from '../../../src/cli/commands/wait.ts'
import { apiPaths } from '../../../src/cluster/objects.ts'
import { stagesOf } from '../../../src/cluster/evaluate/stages.ts'
import { formatStopwatch } from '../../../src/text/format.ts'
import { kubeconfigText, startApiServer } from '../../support/api-server.ts'
import { authority } from '../../support/cluster.ts'
import { bootstrapConfigMap, condition, nodeObject, signingRequest } from '../../support/cluster-objects.ts'
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
  t.match(terminal.errLines[1], /^cannot read the site file/)
})

t.test('an invalid command line', async (t) => {
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
    [
      ['nodes-ready', '--control', '/nonexistent/socket'],
      'no site file: add --site FILE, or set SLIPWAY_SITE; no running slipway was found',
    ],
    [['node-ready', path!], 'cannot wait for "node-ready" (did you mean nodes-ready?)'],
    [['x', path!], 'cannot wait for "x"'],
    [['nodes-ready', '--timeout', '9', path!], '--timeout: expected a time such as 90s, 45m, or 2h, not 9'],
    [['nodes-ready', '--cluster', 'c9', path!], 'the site has no cluster c9; it has c1'],
    [['nodes-ready', none!], 'the site does not declare a cluster'],
    [['nodes-ready', both!], 'the site has several clusters: add --cluster c1 or c2'],
  ]
  for (const [args, message] of cases) {
    await t.rejects(wait.run(args, keptTerminal()), new UsageError(message), args.join(' '))
  }
})

t.test('of many missing items the view shows a dozen, and lines show the new ones', (t) => {
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
