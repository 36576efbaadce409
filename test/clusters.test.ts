/** The clusters' rooms joined: a bootstrap leaves the balancer and comes back, requests are judged by what was seen. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { followClusters, type ClustersOptions } from '../src/clusters.ts'
import { csrsPath } from '../src/cluster/csr/path.ts'
import { systemClock } from '../src/host/clock.ts'
import { Counters } from '../src/host/counters.ts'
import { createLog } from '../src/host/log.ts'
import type { Seen } from '../src/install/observation.ts'
import { buildModel } from '../src/plan/model.ts'
import { loadSite } from '../src/site/load.ts'
import type { Site } from '../src/site/schema.ts'
import { kubeconfigText, startApiServer, type ApiServer } from './support/api-server.ts'
import { makeAuthority } from './support/certificates.ts'
import { bootstrapConfigMap, signingRequest } from './support/cluster-objects.ts'
import { clientCsr } from './support/csr.ts'
import { memoryInstalls } from './support/memory-installs.ts'
import { siteText } from './support/site-folder.ts'
import { until } from './support/until.ts'

const nodes = '/api/v1/nodes'
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

async function world(t: Test) {
  // Removed after everything else is closed, which a testdir is not: records are still written then.
  const directory = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const authority = makeAuthority()
  const server = await startApiServer(authority)
  t.teardown(() => server.close())
  server.put(configMaps, bootstrapConfigMap())
  server.put(csrsPath, signingRequest('csr-of-nobody', [], 'nobody'))
  const at = `https://127.0.0.1:${server.port}`
  const names = { 'tls-server-name': 'api.c1.example.net' }
  writeFileSync(
    join(directory, 'kubeconfig'),
    kubeconfigText(at, authority, { token: 'sha256~token' }, names),
  )
  const site = siteIn(directory, 'declared')
  const { nodes: models } = buildModel(site, { images: new Map(), ignition: new Map(), loaders: new Map() })
  const installs = memoryInstalls(models.map(({ key }) => key))
  const told: string[] = []
  const lines: string[] = []
  const options: ClustersOptions = {
    ...{ site, directory, installs, clock: systemClock, counters: new Counters() },
    nodes: () => models,
    balancer: {
      drain: (node) => (told.push(`out ${node}`), Promise.resolve({ outcome: 'none' })),
      enable: (node) => (told.push(`back ${node}`), Promise.resolve({ outcome: 'none' })),
    },
    log: createLog('debug', { write: (line) => void lines.push(line) }),
  }
  const follow = async (changes: Partial<ClustersOptions> = {}) => {
    const clusters = await followClusters({ ...options, ...changes })
    t.teardown(() => clusters.close())
    return clusters
  }
  return { server, installs, told, lines, follow, directory }
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
  ...{ node, kind: 'state', from: 'install', to, reason: '' },
})

t.test(
  'a bootstrap that is complete leaves the balancer, also after a restart, until a person says otherwise',
  async (t) => {
    const { server, installs, told, follow } = await world(t)
    const first = await follow()
    t.match(first.bootstraps(), { c1: { kind: 'waiting' } })
    await server.watched(configMaps)
    server.put(configMaps, bootstrapConfigMap('complete'))
    await until(() => told.length > 0)
    t.same(told, ['out c1/bs'])
    t.match(first.bootstraps(), {
      c1: { kind: 'out', reason: /ConfigMap bootstrap in kube-system says complete/ },
    })
    first.close()

    told.length = 0
    const second = await follow()
    t.same(told, ['out c1/bs'], 'before it resolves')
    t.match(await second.commandBootstrap('c1', 'keep'), { kind: 'kept' })
    t.same(told, ['out c1/bs', 'back c1/bs'])
    t.equal(await second.commandBootstrap('c9', 'keep'), undefined)

    server.remove(configMaps, 'bootstrap')
    installs.observe(state('c1/bs', 'installing'))
    await until(() => second.bootstraps()['c1']?.kind === 'waiting')
    installs.observe(state('c1/m1', 'installing'))
    installs.observe(state('c1/bs', 'installed'))
    installs.observe({ node: 'c1/bs', kind: 'command', command: 'local' })
    t.match(second.bootstraps(), { c1: { kind: 'waiting' } })
  },
)

t.test('a balancer that would be left with nobody keeps the bootstrap, and the log says so', async (t) => {
  const { follow, lines } = await world(t)
  const kept = () =>
    Promise.resolve({
      outcome: 'kept',
      code: 'haproxy.last-server',
      reason: 'bs is the only server',
    } as const)
  const clusters = await follow({
    balancer: { drain: kept, enable: () => Promise.reject(new Error('no')) },
  })
  await clusters.commandBootstrap('c1', 'out')
  await until(() => lines.some((line) => line.includes('bootstrap not taken out')))
  t.match(
    lines.find((line) => line.includes('bootstrap not taken out')),
    /bs is the only server/,
  )
})

t.test(
  'where clusters stand, with what is decided of them; their words are said of their nodes',
  async (t) => {
    const { server, follow, installs, directory } = await world(t)
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
    installs.command('c1/w1', 'forget')
    clusters.swap(siteIn(directory, 'off'))
    t.match(clusters.reports(), [{ requests: { approve: 'off' }, members: [{}, { state: 'ready' }] }])
    await until(() => installs.history('c1/w1').length === 3)
    t.match(installs.history('c1/w1'), [{ kind: 'command' }, { word: 'registered' }, { word: 'ready' }])
    t.equal(clusters.reports()[0]!.stages[0]!.since, undefined, 'it was up before anybody asked')
    installs.observe(state('c1/bs', 'installing'))
    t.match(clusters.reports()[0]!.stages[0], { since: Number }, 'another installation has stages of its own')
    await clusters.close()
  },
)

t.test('who is approved has it among the words of its cluster', async (t) => {
  const { server, follow, installs, directory } = await world(t)
  answerRest(server)
  const csr = clientCsr('client-short-name')
  const recent = { creationTimestamp: new Date().toISOString() }
  installs.observe({
    ...{ node: 'c1/w1', kind: 'dhcp', asker: 'system', message: 'request', isFresh: true },
    ...{ vendorClass: '', answer: 'acknowledged' },
  })
  const clusters = await follow()
  await server.watched(csrsPath)
  server.put(csrsPath, { ...csr, metadata: { ...csr.metadata, ...recent } })
  await until(() => installs.history('c1/w1').length === 2)
  t.match(installs.history('c1/w1')[1], { kind: 'cluster', word: 'approved-client', reason: 'csr-a' })
  clusters.swap(siteIn(directory, 'declared'))
  t.match(clusters.csrs(), [{ approved: 1 }], 'a reload forgets nothing')
  t.match(clusters.reports(), [{ requests: { approved: 1 } }])
})

t.test('a kubeconfig that is not there is said once, whoever asks', async (t) => {
  const { follow, lines, directory } = await world(t)
  rmSync(join(directory, 'kubeconfig'))
  const clusters = await follow()
  await until(() => clusters.csrs()[0]?.trouble !== undefined)
  await until(() => clusters.reports()[0]?.trouble !== undefined)
  const said = lines.filter((line) => line.includes('cluster cannot be asked'))
  t.equal(said.length, 1)
  t.match(said[0], /the kubeconfig .* does not exist/)
  t.equal(clusters.reports()[0]!.trouble, clusters.csrs()[0]!.trouble)
})

t.test('requests are left with their reasons until the site says that nobody is to judge them', async (t) => {
  const { server, follow, installs, directory } = await world(t)
  const clusters = await follow()
  await server.watched(csrsPath)
  server.put(csrsPath, clientCsr())
  await until(() => clusters.csrs()[0]?.requests.length === 2)
  t.match(clusters.csrs(), [
    {
      cluster: 'c1',
      approve: 'declared',
      requests: [{}, { name: 'csr-a', reason: 'it was made more than a day ago' }],
    },
  ])
  installs.observe(state('c1/w1', 'installed'))
  clusters.swap(siteIn(directory, 'off'))
  t.same(clusters.csrs(), [])
})

t.test(
  'a record that cannot be written when a bootstrap is installed anew is told, and ends nothing',
  async (t) => {
    const { follow, installs, lines } = await world(t)
    const clusters = await follow({ directory: '/nowhere' })
    installs.observe(state('c1/bs', 'installing'))
    await until(() => lines.some((line) => line.includes('bootstrap record not written')))
    t.match(clusters.bootstraps(), { c1: { kind: 'waiting' } })
  },
)
