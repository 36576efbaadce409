/**
 * The assisted service followed while slipway serves, and the way of a worker that is added to a single-node cluster:
 * discovery by iPXE, validations, the start of the installation, and the system on its disk.
 */
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { followAssisted } from '../../src/assisted/follow.ts'
import { readHosts } from '../../src/assisted/hosts.ts'
import { createLog } from '../../src/host/log.ts'
import type { Seen } from '../../src/install/observation.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import { compileInstall } from '../../src/plan/install.ts'
import { siteSchema } from '../../src/site/schema.ts'
import { assistedHost } from '../support/assisted-host.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { acknowledged, installsWorld } from '../support/installs.ts'
import { exampleModel, exampleSite, found } from '../support/model.ts'

const section = { url: 'https://assisted.example.net', infraEnv: '6e6c4b5a-3f0e-4a2c-9d1b-0f8f7c3a5d21' }
const script = 'http://assisted.example.net/script'
const mac = '00:00:5e:00:53:21'

/** A single node that is installed, and a worker that the assisted service adds. */
function siteWith(more: object = { assisted: section }) {
  const site = exampleSite()
  const [cluster] = site.clusters
  const [, , worker] = cluster!.nodes
  Object.assign(cluster!, { loadBalancer: undefined, requireDhcp: false, ...more })
  cluster!.nodes = [
    { name: 'n1', role: 'single', mac: '00:00:5e:00:53:10', address: '192.0.2.10', boot: 'local' },
    { ...worker, script },
  ]
  return site
}

const host = (status: string, more: object = {}) => ({
  ...assistedHost,
  status,
  status_updated_at: '0001-01-01T00:00:00.000Z',
  inventory: JSON.stringify({ interfaces: [{ mac_address: mac }] }),
  ...more,
})

function world(observe: (seen: Seen) => void, clock = fakeClock(), site = siteWith()) {
  const lines: string[] = []
  const state = { hosts: [] as object[], problem: undefined as string | undefined, requests: 0 }
  const model = exampleModel(site, {
    images: new Map([[script, scriptFacts], ['rhcos', scriptFacts] as const]),
  })
  const parsed = siteSchema.parse(site)
  const assisted = followAssisted({
    clusters: parsed.clusters,
    nodes: () => model.nodes,
    observe,
    clock,
    log: createLog('debug', { write: (line) => void lines.push(line) }),
    fetch: async () => {
      state.requests++
      await Promise.resolve()
      if (state.problem !== undefined) throw new Error(state.problem)
      return readHosts(JSON.stringify(state.hosts))
    },
  })
  const poll = async (ms = 10_000) => {
    clock.advance(ms)
    await setImmediate()
  }
  return { assisted, state, lines, clock, poll, model, clusters: parsed.clusters }
}

const scriptFacts = { style: 'script', script: found(script, 0) } as const

t.test('a worker of a single-node cluster: discovery, validations, start, and its disk', async (t) => {
  const model = exampleModel(siteWith(), {
    images: new Map([[script, scriptFacts], ['rhcos', scriptFacts] as const]),
  })
  const plan = compileInstall(model)
  let isRead = false
  const { installs, clock } = installsWorld({ plan: () => plan, isClusterRead: () => isRead })
  const { assisted, state, poll } = world((seen) => installs.observe(seen), clock)
  t.teardown(() => assisted.close())
  const choice = { isSkipping: false }
  const node = 'ocp45/w1'
  t.match(await installs.boot(node, choice), { kind: 'wait', code: 'install.cluster-not-read' })
  await poll()
  isRead = assisted.isRead(node)
  t.equal(isRead, true)
  const boot = await installs.boot(node, choice)
  t.match(boot, { kind: 'install', role: 'worker' })
  if (boot.kind !== 'install') return
  installs.observe({ node, kind: 'script', script: 'install', role: 'worker' })
  const reader = { token: boot.token, address: '192.0.2.21', what: 'handover', isHead: false } as const
  t.match(await installs.mayRead(node, reader), { kind: 'allowed' })
  installs.observe({
    node,
    kind: 'file',
    what: 'initramfs',
    file: 'of another installer',
    outcome: 'sent',
    octets: 1,
    total: 1,
    durationMs: 0,
  })
  await poll(20_000)
  installs.observe(acknowledged(node, 'system'))

  const stage = async (status: string, more: object = {}) => {
    state.hosts = [host('known', { inventory: null }), host(status, more)]
    await poll()
  }
  await stage('insufficient', {
    validations_info: JSON.stringify({
      network: [{ id: 'belongs-to-majority-group', status: 'failure', message: 'No connectivity' }],
    }),
  })
  await stage('known')
  await stage('known')
  await stage('installing-in-progress', {
    progress: { current_stage: 'Writing image to disk', installation_percentage: 50 },
  })
  await poll(120_000)
  const status_updated_at = new Date(clock.now()).toISOString()
  await stage('added-to-existing-cluster', { status_updated_at })
  t.match(installs.list()[1], { mode: 'installed', reason: 'the assisted service reports it as installed' })
  t.match(await installs.boot(node, choice), { kind: 'local' })
  const steps = timelineOf(installs.history(node)).boots.flatMap((each) => each.steps)
  t.same(
    steps.map(({ kind, reason = '', count }) => `${kind} ${count} ${reason}`.trim()),
    [
      'install-script 1',
      'initramfs 1',
      'live-dhcp 1',
      'assisted 3 installing-in-progress: Writing image to disk, 50 %',
      'assisted-installed 1 added-to-existing-cluster',
    ],
  )
})

t.test('each change is reported once, also an error, and hosts of other machines are not', async (t) => {
  const seen: Seen[] = []
  const { assisted, state, poll } = world((each) => void seen.push(each))
  t.teardown(() => assisted.close())
  state.hosts = [host('error', { status_info: 'Disk failed' }), { status: 'known' }]
  await poll()
  await poll()
  state.hosts = [host('error', { status_info: 'Disk failed', status_updated_at: '2026-01-01T00:00:00Z' })]
  await poll()
  const reason = 'error: Disk failed'
  const failed = { node: 'ocp45/w1', kind: 'cluster', word: 'assisted-failed', reason } as const
  t.same(seen, [failed, { ...failed, since: Date.UTC(2026, 0) }])
})

t.test('a service that is not reachable is logged once and keeps new machines waiting', async (t) => {
  const { assisted, state, lines, poll } = world(() => undefined)
  t.teardown(() => assisted.close())
  state.problem = 'connection refused'
  t.equal(assisted.isRead('ocp45/w1'), false)
  t.equal(assisted.isRead('other/w1'), true)
  await poll()
  await poll()
  await poll()
  t.equal(assisted.isRead('ocp45/w1'), false)
  t.same(assisted.problems(), [
    { code: 'assisted.unreachable', text: 'the assisted service of ocp45: connection refused' },
  ])
  state.problem = undefined
  await poll()
  t.same(assisted.problems(), [])
  t.equal(assisted.isRead('ocp45/w1'), true)
  t.equal(lines.filter((line) => line.includes('assisted service unreachable')).length, 1)
  t.match(lines.join(''), 'assisted service reachable again')
})

t.test('a reload keeps, starts, and ends requests', async (t) => {
  const { assisted, state, clusters, poll } = world(() => undefined)
  await poll()
  const before = state.requests
  assisted.swap(clusters)
  t.equal(state.requests, before, 'the same service')
  assisted.swap(
    clusters.map((each) => ({ ...each, assisted: { ...section, url: 'https://other.example.net' } })),
  )
  t.equal(assisted.isRead('ocp45/w1'), false)
  assisted.swap(clusters.map((each) => ({ ...each, assisted: undefined })))
  t.equal(assisted.isRead('ocp45/w1'), true)
  const after = state.requests
  await poll()
  t.equal(state.requests, after)
  assisted.swap(clusters)
  assisted.close()
  await poll()
  t.equal(state.requests, after + 1, 'nothing after the end')
})

t.test('each of several hosts with the MAC address of a node is reported once', async (t) => {
  const seen: Seen[] = []
  const { assisted, state, poll } = world((each) => void seen.push(each))
  t.teardown(() => assisted.close())
  const words = () => seen.splice(0).map((each) => ('word' in each ? each.word : ''))
  state.hosts = [host('installed'), host('error')]
  for (let round = 0; round < 3; round++) await poll()
  t.same(words(), ['assisted-installed', 'assisted-failed'])
  state.hosts = [host('installed'), host('known')]
  await poll()
  t.same(words(), ['assisted'])
})
