import { mkdirSync, readFileSync, writeFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { bootstrapClusters, probe } from '../../src/cluster/bootstrap.ts'
import { passingForMs } from '../../src/cluster/evaluate/requirements.ts'
import { apiPaths, kinds } from '../../src/cluster/objects.ts'
import { buildModel } from '../../src/plan/model.ts'
import { bootstrapRig, settle, until } from '../support/bootstrap.ts'
import { createSessions } from '../../src/cluster/session.ts'
import { createLog } from '../../src/host/log.ts'
import { declaredCluster, declaredSite, authority } from '../support/cluster.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { bootstrapConfigMap } from '../support/cluster-objects.ts'

const complete = bootstrapConfigMap('complete')
const log = createLog('error', { write() {} })

t.test('reports once that the ConfigMap is complete, and keeps that over a restart', async (t) => {
  const rig = await bootstrapRig(t, true)
  t.same(rig.watch.states().get('c1'), {
    kind: 'waiting',
    since: 0,
    reason: 'no evidence that it is complete yet',
  })
  rig.api.sendOutage(apiPaths.bootstrapConfigMap, 'api.c1.example.net:6443: the connection was cut')
  rig.api.sendOutage(apiPaths.bootstrapConfigMap, 'api.c1.example.net:6443: the connection was cut')
  rig.api.sendList(apiPaths.bootstrapConfigMap, [bootstrapConfigMap()])
  rig.api.sendEvent(apiPaths.bootstrapConfigMap, 'ADDED', bootstrapConfigMap('no'))
  rig.api.sendEvent(apiPaths.bootstrapConfigMap, 'DELETED', complete)
  await settle()
  t.same(rig.calls, [])
  rig.api.sendEvent(apiPaths.bootstrapConfigMap, 'MODIFIED', complete)
  await until(() => rig.calls.length > 0)
  const evidence = 'the ConfigMap bootstrap in kube-system has status: complete (/kubeconfig)'
  t.same(rig.calls, ['complete c1'])
  t.same(rig.watch.states().get('c1'), { kind: 'out', since: rig.clock.now(), reason: evidence })
  t.same(
    rig.lines().map(({ msg, reason }) => [msg, reason]),
    [
      ['cluster API unreachable', 'api.c1.example.net:6443: the connection was cut'],
      ['bootstrap complete', evidence],
    ],
  )
  t.same(rig.api.followed(), [])

  const later = await rig.restart()
  t.equal(later.states().get('c1')?.kind, 'out')
  t.same(rig.api.followed(), [], 'it is not watched again')
  t.equal(rig.calls.length, 1)
})

t.test('without a kubeconfig, all masters have to pass on both ports for three minutes', async (t) => {
  const rig = await bootstrapRig(t, false)
  const all = ['192.0.2.11', '[2001:db8::12]'].flatMap((host) => [
    `https://${host}:6443/readyz`,
    `https://${host}:22623/healthz`,
  ])
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      rig.clock.advance(10_000)
      await settle()
    }
  }
  for (const url of all.slice(1)) rig.healthy.add(url)
  await pass(2 * passingForMs)
  t.same(rig.calls, [], 'one check fails')
  rig.healthy.add(all[0]!)
  await pass(passingForMs - 20_000)
  rig.healthy.delete(all[3]!)
  await pass(10_000)
  rig.healthy.add(all[3]!)
  await pass(passingForMs)
  t.same(rig.calls, [], 'one check failed in between')
  await pass(10_000)
  await until(() => rig.calls.length > 0)
  t.same(rig.calls, ['complete c1'])
  t.match(rig.lines(), [
    {
      msg: 'bootstrap complete',
      reason: 'm1, m2 passed their health checks on 6443 and 22623 for 3 min',
    },
  ])
})

t.test('uses a kubeconfig that is added later', async (t) => {
  const rig = await bootstrapRig(t, false)
  rig.kubeconfig.isThere = true
  rig.clock.advance(10_000)
  await settle()
  t.equal(rig.clock.pending(), 0, 'it checks no longer')
  rig.api.sendList(apiPaths.bootstrapConfigMap, [complete])
  await until(() => rig.calls.length > 0)
  t.match(rig.watch.states().get('c1'), { reason: /^the ConfigMap bootstrap/ })
  rig.watch.close()
  await settle()
  t.same(rig.api.followed(), [])
  t.equal(rig.clock.pending(), 0)
})

t.test('uses the ConfigMap that another part of slipway has read already', async (t) => {
  const rig = await bootstrapRig(t, true)
  await rig.watch.command('c1', 'keep')
  const held = rig.cluster.session.hold(kinds.bootstrapConfigMap, { onChange() {} })
  rig.api.sendList(apiPaths.bootstrapConfigMap, [complete])
  await rig.watch.command('c1', 'watch')
  await until(() => rig.calls.length > 0)
  t.same(rig.calls, ['complete c1'])
  held.release()
  t.same(rig.api.followed(), [])
})

t.test('starts one watch after a reload or a close during the write of a command', async (t) => {
  const rig = await bootstrapRig(t, true)
  const first = rig.watch.command('c1', 'watch')
  rig.watch.swap([rig.cluster])
  await first
  await settle()
  t.same(rig.api.followed(), [apiPaths.bootstrapConfigMap])
  const last = rig.watch.command('c1', 'watch')
  rig.watch.close()
  await last
  await settle()
  t.same(rig.api.followed(), [])
})

t.test('does not check after it was closed', async (t) => {
  const rig = await bootstrapRig(t, false)
  rig.watch.close()
  await settle()
  t.equal(rig.clock.pending(), 0)
})

t.test('an administrator keeps, drains, or watches it; the state is kept', async (t) => {
  const rig = await bootstrapRig(t, true)
  const { watch } = rig
  t.equal(await watch.command('c2', 'out'), undefined)
  t.match(await watch.command('c1', 'keep'), {
    kind: 'kept',
    reason: 'set by an administrator (bootstrap keep)',
  })
  await settle()
  t.same(rig.api.followed(), [], 'it is not watched')
  t.same(rig.calls, [])
  t.match(await watch.command('c1', 'out'), { kind: 'out' })
  await watch.command('c1', 'out')
  t.match(await watch.command('c1', 'watch'), { kind: 'waiting' })
  await settle()
  t.same(rig.api.followed(), [apiPaths.bootstrapConfigMap])
  t.same(rig.calls, ['complete c1', 'undone c1'])
  await watch.command('c1', 'keep')
  t.equal((await rig.restart()).states().get('c1')?.kind, 'kept')
})

t.test('a command before or after the evidence decides', async (t) => {
  const quick = await bootstrapRig(t, true)
  quick.api.sendList(apiPaths.bootstrapConfigMap, [complete])
  await quick.watch.command('c1', 'keep')
  await settle()
  t.same(quick.calls, [])
  t.equal(quick.watch.states().get('c1')?.kind, 'kept')

  const slow = await bootstrapRig(t, true, join(t.testdir({}), 'bootstrap.json'))
  slow.api.sendList(apiPaths.bootstrapConfigMap, [complete])
  await until(() => slow.api.followed().length === 0)
  await until(() => slow.calls.length > 0)
  await slow.watch.command('c1', 'keep')
  t.same(slow.calls, ['complete c1', 'undone c1'])
})

t.test('a reload removes and adds clusters', async (t) => {
  const rig = await bootstrapRig(t, true)
  rig.watch.swap([])
  await settle()
  t.same([...rig.watch.states()], [])
  t.same(rig.api.followed(), [])
  rig.watch.swap([rig.cluster])
  await settle()
  t.same(rig.api.followed(), [apiPaths.bootstrapConfigMap])
})

t.test('continues with a record that is damaged, or cannot be written', async (t) => {
  for (const text of ['{', '{"version":2,"clusters":{}}', '{"version":1,"clusters":{"c1":7}}']) {
    const path = join(t.testdir({ 'bootstrap.json': text }), 'bootstrap.json')
    const rig = await bootstrapRig(t, true, path)
    t.match(rig.lines()[0], {
      msg: 'cluster record unreadable, starting with its readable part',
      reason: /bootstrap\.json is not a record of bootstraps; it was moved to .*\.damaged-/,
    })
    rig.api.sendList(apiPaths.bootstrapConfigMap, [complete])
    await until(() => rig.calls.length > 0)
    t.match(JSON.parse(readFileSync(path, 'utf8')), { version: 1, clusters: { c1: { kind: 'out' } } })
  }
  const partial = `{"version":1,"clusters":{"c0":7,"c1":{"kind":"out","since":5,"reason":"complete"}}}`
  const partialFolder = t.testdir({ 'bootstrap.json': partial })
  const recovered = await bootstrapRig(t, true, join(partialFolder, 'bootstrap.json'))
  t.match(recovered.watch.states().get('c1'), { kind: 'out', since: 5 }, 'a drained bootstrap stays drained')
  const aside = readdirSync(partialFolder).find((name) => name.includes('damaged')) ?? ''
  t.equal(readFileSync(join(partialFolder, aside), 'utf8'), partial, 'the damaged file is kept')
  const folder = join(t.testdir({}), 'bootstrap.json')
  mkdirSync(folder)
  const rig = await bootstrapRig(t, true, folder)
  t.match(rig.lines()[0]?.reason, /^cannot read .*: EISDIR/)
  await t.rejects(rig.watch.command('c1', 'keep'), { code: 'EISDIR' })
  t.equal(rig.watch.states().get('c1')?.kind, 'waiting', 'a state that cannot be written is not set')
  rig.api.sendList(apiPaths.bootstrapConfigMap, [complete])
  await until(() => rig.calls.length > 0)
  t.equal(rig.watch.states().get('c1')?.kind, 'out')
  t.match(rig.lines().at(-2)?.msg, 'cluster record write failed')
  const huge = join(t.testdir({}), 'bootstrap.json')
  writeFileSync(huge, ' '.repeat(1024 * 1024 + 1))
  t.match(
    (await bootstrapRig(t, true, huge)).lines()[0]?.msg,
    'cluster record unreadable, starting with its readable part',
  )
})

t.test('watches only clusters with a bootstrap and masters', (t) => {
  const site = declaredCluster()
  const [m1, w1] = site.nodes
  const bs = { ...w1!, name: 'bs', role: 'bootstrap' as const }
  const clusters = (nodes: (typeof m1 & object)[]) => {
    const model = buildModel(
      { ...declaredSite(), clusters: [{ ...site, nodes }] },
      {
        images: new Map(),
        ignition: new Map(),
        loaders: new Map(),
      },
    )
    const sessions = createSessions({ clusters: model.site.clusters, clock: fakeClock(), log })
    return bootstrapClusters(model, sessions).map(({ name, masters, session }) => [
      name,
      masters.map((master) => master.name),
      session.kubeconfigPath,
    ])
  }
  t.same(clusters([bs, m1!]), [['c1', ['m1'], '/etc/slipway/ignition/auth/kubeconfig']])
  t.same(clusters([m1!, w1!]), [])
  t.same(clusters([bs, w1!]), [])
  t.end()
})

t.test('a check passes only with status 200, and with any certificate', async (t) => {
  const pair = authority.server('DNS:other.example.net')
  const server = createServer({ key: pair.key, cert: pair.certificate }, (request, response) => {
    if (request.url === '/cut') request.socket.destroy()
    else response.writeHead(request.url === '/readyz' ? 200 : 500).end('body')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const at = (path: string) => probe(`https://127.0.0.1:${port}${path}`)
  t.equal(await at('/readyz'), true)
  t.equal(await at('/healthz'), false)
  t.equal(await at('/cut'), false)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  t.equal(await at('/readyz'), false)
})
