/** All parts of `src/cluster` together, with a real connection to a test server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { followClusters, type ClustersOptions } from '../../src/cluster/clusters.ts'
import { connectCluster } from '../../src/cluster/connection/client.ts'
import { createRoleIgnition } from '../../src/cluster/ignition.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import type { DrainRefusal } from '../../src/cluster/report.ts'
import { createSessions } from '../../src/cluster/session.ts'
import { systemClock } from '../../src/host/clock.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import type { Seen } from '../../src/install/observation.ts'
import { buildModel } from '../../src/plan/model.ts'
import { loadSite } from '../../src/site/load.ts'
import type { Site } from '../../src/site/schema.ts'
import { kubeconfigText, startApiServer, type ApiServer } from '../support/api-server.ts'
import { makeAuthority } from '../support/certificates.ts'
import { bootstrapConfigMap, signingRequest } from '../support/cluster-objects.ts'
import { clientCsr } from '../support/csr.ts'
import { memoryInstalls } from '../support/memory-installs.ts'
import { siteText } from '../support/site-folder.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { until } from '../support/until.ts'

const { nodes, signingRequests: csrsPath } = apiPaths
const configMaps = '/api/v1/namespaces/kube-system/configmaps'
const bootstrap = '      - { name: bs, role: bootstrap, mac: "00:00:5e:00:53:09", address: 192.0.2.9 }\n'

function siteIn(folder: string, approve: string): Site {
  const text = siteText().replace(
    '    disk: /dev/sda\n',
    `    disk: /dev/sda\n    kubeconfig: kubeconfig\n    approve: ${approve}\n`,
  )
  const loaded = loadSite(text + bootstrap, join(folder, 'site.yaml'))
  if (loaded.kind !== 'site') throw new TypeError('the site of the test has a problem')
  return loaded.site
}

async function clusterRig(t: Test) {
  // A testdir would be removed before the records are written at the end.
  const directory = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const authority = makeAuthority()
  const server = await startApiServer(authority)
  t.teardown(() => server.close())
  server.put(configMaps, bootstrapConfigMap())
  server.put(csrsPath, signingRequest('csr-other', [], 'nobody'))
  const at = `https://127.0.0.1:${server.port}`
  const names = { 'tls-server-name': 'api.c1.example.net' }
  writeFileSync(
    join(directory, 'kubeconfig'),
    kubeconfigText(at, authority, { token: 'sha256~token' }, names),
  )
  const site = siteIn(directory, 'declared')
  const { nodes: models } = buildModel(site, { images: new Map(), ignition: new Map(), loaders: new Map() })
  const installs = memoryInstalls(models.map(({ key }) => key))
  /** The calls of `drain` and `enable`. */
  const calls: string[] = []
  let connections = 0
  const lines: string[] = []
  const log = createLog('debug', { write: (line) => void lines.push(line) })
  const sessions = createSessions({
    clusters: site.clusters,
    clock: systemClock,
    log,
    connect(how) {
      connections++
      return connectCluster(how)
    },
  })
  t.teardown(() => sessions.close())
  const options: ClustersOptions = {
    site,
    directory,
    sessions,
    installs,
    clock: systemClock,
    counters: new Counters(),
    log,
    nodes: () => models,
    drain: (node) => (calls.push(`drain ${node}`), Promise.resolve(undefined)),
    enable: (node) => (calls.push(`enable ${node}`), Promise.resolve()),
  }
  const follow = async (changes: Partial<ClustersOptions> = {}) => {
    const clusters = await followClusters({ ...options, ...changes })
    t.teardown(() => clusters.close())
    return clusters
  }
  return { server, installs, calls, lines, follow, directory, sessions, log, connections: () => connections }
}

/** The version, and whatever is put; the rest is not there. */
function answerRest(server: ApiServer): void {
  server.onOther(({ method, url }, response) => {
    if (url === '/version') response.end(JSON.stringify({ gitVersion: 'v1.30.4' }))
    else if (method === 'PUT') response.end('{}')
    else response.writeHead(404).end(JSON.stringify({ kind: 'Status', reason: 'NotFound' }))
  })
}

const state = (node: string, to: 'installing' | 'installed'): Seen => ({
  node,
  kind: 'state',
  from: 'install',
  to,
  reason: '',
})

t.test('drains a complete bootstrap, also after a restart, until an administrator keeps it', async (t) => {
  const { server, installs, calls, follow } = await clusterRig(t)
  const first = await follow()
  t.match(first.bootstraps(), { c1: { kind: 'waiting' } })
  await server.watched(configMaps)
  server.put(configMaps, bootstrapConfigMap('complete'))
  await until(() => calls.length > 0)
  t.same(calls, ['drain c1/bs'])
  t.match(first.bootstraps(), {
    c1: { kind: 'out', reason: /ConfigMap bootstrap in kube-system has status: complete/ },
  })
  first.close()

  calls.length = 0
  const second = await follow()
  t.same(calls, ['drain c1/bs'], 'before it resolves')
  t.match(await second.commandBootstrap('c1', 'keep'), { kind: 'kept' })
  t.same(calls, ['drain c1/bs', 'enable c1/bs'])
  t.equal(await second.commandBootstrap('c9', 'keep'), undefined)

  server.remove(configMaps, 'bootstrap')
  installs.observe(state('c1/bs', 'installing'))
  await until(() => second.bootstraps()['c1']?.kind === 'waiting')
  installs.observe(state('c1/m1', 'installing'))
  installs.observe(state('c1/bs', 'installed'))
  installs.observe({ node: 'c1/bs', kind: 'command', command: 'local' })
  t.match(second.bootstraps(), { c1: { kind: 'waiting' } })
})

t.test('logs and reports why a bootstrap is not drained, and drains it later', async (t) => {
  const { follow, lines, calls } = await clusterRig(t)
  const clock = fakeClock()
  let refusal: DrainRefusal | undefined = { code: 'haproxy.last-server', reason: 'bs is the only server' }
  const clusters = await follow({ clock, drain: () => (calls.push('drain'), Promise.resolve(refusal)) })
  await clusters.commandBootstrap('c1', 'out')
  const logged = () => lines.filter((line) => line.includes('bootstrap not drained'))
  await until(() => logged().length > 0)
  t.match(JSON.parse(logged()[0]!), { ...refusal, node: 'c1/bs', level: 'warn' })
  t.match(clusters.reports()[0]?.bootstrap, { kind: 'out', refusal })

  calls.length = 0
  clock.advance(30_000)
  await until(() => calls.length === 1)
  await until(() => clusters.reports()[0]?.bootstrap?.refusal !== undefined)
  refusal = undefined
  clock.advance(30_000)
  await until(() => calls.length === 2)
  t.equal(clusters.reports()[0]?.bootstrap?.refusal, undefined)
  t.equal(logged().length, 1, 'the same reason is logged once')
})

t.test('reports the state of clusters, and records the transitions of their nodes', async (t) => {
  const { server, follow, installs, directory } = await clusterRig(t)
  answerRest(server)
  const clusters = await follow()
  await server.watched(csrsPath)
  server.put(nodes, {
    metadata: { name: 'w1.c1.example.net', creationTimestamp: '2026-01-01T12:00:00Z' },
    status: { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T12:01:00Z' }] },
  })
  await until(() => installs.history('c1/w1').length === 2)
  t.match(installs.history('c1/w1'), [
    { kind: 'cluster', word: 'registered', since: Date.UTC(2026, 0, 1, 12) },
    { kind: 'cluster', word: 'ready', since: Date.UTC(2026, 0, 1, 12, 1) },
  ])
  await until(() => clusters.reports()[0]?.requests.pending === 1)
  t.match(clusters.reports(), [
    {
      cluster: 'c1',
      stages: [{ name: 'API', state: 'reached', note: 'v1.30.4' }, { name: 'bootstrap' }, {}, {}, {}, {}],
      members: [
        { node: 'c1/m1', state: 'absent' },
        { node: 'c1/w1', state: 'ready' },
      ],
      bootstrap: { kind: 'waiting' },
      requests: { approve: 'declared', approved: 0, pending: 1 },
    },
  ])
  await installs.command('c1/w1', 'forget')
  clusters.swap(siteIn(directory, 'off'))
  t.match(clusters.reports(), [{ requests: { approve: 'off' }, members: [{}, { state: 'ready' }] }])
  await until(() => installs.history('c1/w1').length === 3)
  t.match(installs.history('c1/w1'), [{ kind: 'command' }, { word: 'registered' }, { word: 'ready' }])
  t.equal(clusters.reports()[0]!.stages[0]!.since, undefined, 'it was up before the first request')
  installs.observe(state('c1/bs', 'installing'))
  t.match(clusters.reports()[0]!.stages[0], { since: Number }, 'another installation has its own stages')
  await clusters.close()
})

t.test('records an approval in the history of the node', async (t) => {
  const { server, follow, installs, directory } = await clusterRig(t)
  answerRest(server)
  const csr = clientCsr('client-short-name')
  const recent = { creationTimestamp: new Date().toISOString() }
  const at = Date.now()
  installs.remember([], { node: 'c1/w1', provenBoot: { startedAt: at, writtenAt: at, bootedAt: at } })
  const clusters = await follow()
  await server.watched(csrsPath)
  server.put(csrsPath, { ...csr, metadata: { ...csr.metadata, ...recent } })
  await until(() => installs.history('c1/w1').length === 1)
  t.match(installs.history('c1/w1')[0], { kind: 'cluster', word: 'approved-client', reason: 'csr-a' })
  clusters.swap(siteIn(directory, 'declared'))
  t.match(clusters.csrs(), [{ approved: 1 }], 'a reload keeps the count')
  t.match(clusters.reports(), [{ requests: { approved: 1 } }])
})

t.test('logs a missing kubeconfig once for all parts', async (t) => {
  const { follow, lines, directory } = await clusterRig(t)
  rmSync(join(directory, 'kubeconfig'))
  const clusters = await follow()
  await until(() => clusters.csrs()[0]?.trouble !== undefined)
  await until(() => clusters.reports()[0]?.trouble !== undefined)
  const warnings = lines.filter((line) => line.includes('cluster API unreachable'))
  t.equal(warnings.length, 1)
  t.match(warnings[0], /the kubeconfig .* does not exist/)
  t.equal(clusters.reports()[0]!.trouble, clusters.csrs()[0]!.trouble)
})

t.test('shows pending requests with their reasons until the site turns approval off', async (t) => {
  const { server, follow, installs, directory } = await clusterRig(t)
  const clusters = await follow()
  await server.watched(csrsPath)
  server.put(csrsPath, clientCsr())
  await until(() => clusters.csrs()[0]?.requests.length === 2)
  t.match(clusters.csrs(), [
    {
      cluster: 'c1',
      approve: 'declared',
      requests: [{}, { name: 'csr-a', reason: 'it is more than one day old' }],
    },
  ])
  installs.observe(state('c1/w1', 'installed'))
  clusters.swap(siteIn(directory, 'off'))
  t.same(clusters.csrs(), [])
})

t.test(
  'logs a record that cannot be written when a bootstrap is installed again, and continues',
  async (t) => {
    const { follow, installs, lines } = await clusterRig(t)
    const clusters = await follow({ directory: '/nowhere' })
    installs.observe(state('c1/bs', 'installing'))
    await until(() => lines.some((line) => line.includes('bootstrap record write failed')))
    t.match(clusters.bootstraps(), { c1: { kind: 'waiting' } })
  },
)

t.test('each cluster has one connection, and one list-watch for each kind', async (t) => {
  const rig = await clusterRig(t)
  const { server, follow, sessions, directory, log } = rig
  answerRest(server)
  const ignition = createRoleIgnition({
    clusters: siteIn(directory, 'declared').clusters,
    sessions,
    clock: systemClock,
    log,
    files: { read: () => Promise.resolve({ kind: 'unreadable', problem: 'no file' }) },
    ignition: () => new Map([['x', { file: '/w1.ign', node: 'c1/w1', kind: 'worker' as const }]]),
    checkProvidedFile: () => ({ problem: 'no file' }),
  })
  const clusters = await follow()
  await ignition.read('/w1.ign')
  const held = [nodes, csrsPath, configMaps]
  await Promise.all(held.map((path) => server.watched(path)))
  // Of the kinds that the stages need, the server does not know these yet, so they have no watch.
  const unknown = [apiPaths.clusterVersion, apiPaths.clusterOperators]
  const lists = (path: string) =>
    server.requests.filter((request) => request.startsWith(`GET ${path}?`) && request.includes('limit=500'))
  await until(() => unknown.every((path) => lists(path).length > 0))
  const next = siteIn(directory, 'declared')
  sessions.swap(next.clusters)
  clusters.swap(next)
  ignition.swap(next.clusters)
  await ignition.read('/w1.ign')
  server.put(nodes, { metadata: { name: 'w1.c1.example.net' } })
  await until(() => clusters.reports()[0]?.members[1]?.state === 'not-ready')
  for (const path of held) {
    t.equal(server.watches(path).length, 1, `watches of ${path}`)
    t.equal(lists(path).length, 1, `lists of ${path}, also after a reload`)
  }
  t.equal(rig.connections(), 1)
  ignition.close()
})
