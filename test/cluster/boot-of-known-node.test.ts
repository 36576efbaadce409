/** From what a cluster reports about a node to the boot script that the node gets. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { followClusters, type Clusters } from '../../src/cluster/clusters.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { Counters } from '../../src/host/counters.ts'
import { createLog } from '../../src/host/log.ts'
import { compileInstall } from '../../src/plan/install.ts'
import { createRoutes } from '../../src/serve/http/routes.ts'
import { condition, nodeObject } from '../support/cluster-objects.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { httpWorld } from '../support/http-service.ts'
import { installsWorld } from '../support/installs.ts'
import { memoryApi } from '../support/memory-api.ts'
import { exampleModel, exampleSite } from '../support/model.ts'
import { memorySession, testKubeconfig } from '../support/session.ts'

const versionInfo = {
  major: '1',
  minor: '30',
  gitVersion: 'v1.30.4',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '',
  goVersion: '',
  compiler: 'gc',
  platform: 'linux/amd64',
}
const ready = (name: string) =>
  nodeObject(`${name}.ocp45.example.net`, [condition('Ready', 'True')], {
    creationTimestamp: '2026-01-01T00:00:00Z',
  })
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}

/** The example site, whose cluster slipway never saw: all nodes are armed by the site file. */
async function knownRig(t: Test) {
  const site = exampleSite()
  Object.assign(site.clusters[0]!, { requireDhcp: false, order: false })
  const compile = () => {
    const model = exampleModel(site)
    return { model, install: compileInstall(model) }
  }
  let plan = compile()
  const clock = fakeClock()
  const log = createLog('error', { write() {} })
  const api = memoryApi()
  const kubeconfig = testKubeconfig()
  const session = memorySession(api, { clock, log, kubeconfig, cluster: 'ocp45' })
  const sessions = { get: () => session, swap() {}, close() {} }
  let clusters: Clusters | undefined
  const { installs } = installsWorld({
    clock,
    plan: () => plan.install,
    isClusterRead: (node) => clusters?.isRead(node) === true,
  })
  const { options } = httpWorld(t)
  const { app } = await createRoutes({ ...options, installs })
  t.teardown(() => app.close())
  // A testdir would be removed before the records are written at the end.
  const directory = mkdtempSync(join(tmpdir(), 'slipway-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return {
    api,
    clock,
    installs,
    kubeconfig,
    site,
    follow: async () => {
      clusters = await followClusters({
        site: plan.model.site,
        sessions,
        directory,
        installs,
        clock,
        log,
        nodes: () => plan.model.nodes,
        counters: new Counters(),
        drain: () => Promise.resolve(undefined),
        enable: () => Promise.resolve(),
      })
      t.teardown(() => clusters?.close())
      await settle()
    },
    /** What a reload does, with some time between its two parts. */
    declare: () => {
      plan = compile()
      installs.declare()
    },
    swap: async () => {
      clusters?.swap(plan.model.site)
      await settle()
    },
    script: async (name = 'm1', address = '192.0.2.11') => {
      const { body } = await app.inject({ url: `/boot/ocp45/${name}/boot.ipxe`, remoteAddress: address })
      if (/coreos\.inst|ignition\.platform|initrd/.test(body)) return 'installs'
      return body.includes('sanboot') || body.includes('exit') ? 'boots its disk' : 'waits'
    },
    mode: (name = 'm1') => installs.list().find(({ node }) => node === `ocp45/${name}`)?.mode,
    boot: (name = 'm1') => installs.boot(`ocp45/${name}`, { isSkipping: false }),
  }
}

t.test('a node that the cluster lists when slipway starts boots its disk', async (t) => {
  const { api, clock, follow, boot, mode, installs } = await knownRig(t)
  t.match(await boot(), { kind: 'wait', code: 'install.cluster-not-read' }, 'before the cluster is followed')
  api.objects.set('/version', versionInfo)
  await follow()
  t.match(await boot(), { kind: 'wait', code: 'install.cluster-not-read' }, 'before the list')
  api.sendList(apiPaths.nodes, [ready('m1')])
  t.match(await boot(), { kind: 'wait', code: 'install.cluster-not-read' }, 'before the evidence is recorded')
  clock.advance(200)
  t.equal(mode(), 'local')
  t.match(await boot(), { kind: 'local' })
  t.match(await boot('w1'), { kind: 'install' }, 'a node that the cluster does not have')
  t.match(installs.list()[1], { code: 'install.in-cluster' })
})

t.test('a watch event keeps the disk of a node that slipway never saw, in its boot script', async (t) => {
  const { api, clock, follow, script } = await knownRig(t)
  api.objects.set('/version', versionInfo)
  await follow()
  t.equal(await script(), 'waits')
  api.sendList(apiPaths.nodes, [])
  clock.advance(200)
  api.sendEvent(apiPaths.nodes, 'ADDED', ready('m1'))
  clock.advance(200)
  t.equal(await script(), 'boots its disk')
  t.equal(await script('w1', '192.0.2.21'), 'installs')
})

t.test('nodes are installed if the API never responded, or there is no kubeconfig', async (t) => {
  const down = await knownRig(t)
  await down.follow()
  t.match(await down.boot(), { kind: 'install' }, 'no API')

  const none = await knownRig(t)
  none.kubeconfig.isThere = false
  await none.follow()
  t.match(await none.boot(), { kind: 'install' }, 'no kubeconfig')

  const lost = await knownRig(t)
  lost.api.objects.set('/version', versionInfo)
  await lost.follow()
  t.match(await lost.boot(), { kind: 'wait' })
  lost.api.sendOutage(apiPaths.nodes, 'connection refused')
  t.match(await lost.boot(), { kind: 'wait' }, 'an API that answered before can have the node')
})

t.test('a node that an administrator arms does not wait for the cluster', async (t) => {
  const { boot, installs } = await knownRig(t)
  await installs.command('ocp45/m1', 'install')
  t.match(await boot(), { kind: 'install' })
})

t.test('the bootstrap is never one of the nodes', async (t) => {
  const { api, follow, boot } = await knownRig(t)
  api.objects.set('/version', versionInfo)
  await follow()
  t.match(await boot('bs'), { kind: 'install' })
})

t.test('a forgotten node is compared with the cluster again', async (t) => {
  const { api, clock, follow, boot, installs, mode } = await knownRig(t)
  api.objects.set('/version', versionInfo)
  await follow()
  api.sendList(apiPaths.nodes, [ready('m1')])
  clock.advance(200)
  t.equal(mode(), 'local')
  await installs.command('ocp45/m1', 'forget')
  t.match(await boot(), { kind: 'local' })
  t.equal(mode(), 'local')
})

t.test('a reload that adds a node, or gives it another MAC address, compares it again', async (t) => {
  const { api, clock, follow, boot, site, declare, swap } = await knownRig(t)
  const { nodes } = site.clusters[0]!
  const w2 = { name: 'w2', role: 'worker', mac: '00:00:5e:00:53:22', address: '192.0.2.22' }
  api.objects.set('/version', versionInfo)
  await follow()
  api.sendList(apiPaths.nodes, [ready('m1'), ready('w2')])
  clock.advance(200)
  nodes[1]!['mac'] = '00:00:5e:00:53:12'
  nodes.push(w2)
  declare()
  const waits = { kind: 'wait', code: 'install.cluster-not-read' }
  t.match([await boot(), await boot('w2')], [waits, waits], 'while the reload applies')
  await swap()
  t.match([await boot(), await boot('w2')], [{ kind: 'local' }, { kind: 'local' }])
  t.match(await boot('w1'), { kind: 'install' })
})
