import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { bootstrapClusters, settleMs } from '../../src/cluster/bootstrap.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { buildModel } from '../../src/plan/model.ts'
import { bench, noKubeconfig, settle, until } from '../support/bootstrap.ts'
import { declaredCluster, declaredSite } from '../support/cluster.ts'
import { bootstrapConfigMap } from '../support/cluster-objects.ts'

const complete = bootstrapConfigMap('complete')

t.test('the ConfigMap says complete: told once, kept over a restart', async (t) => {
  const made = await bench(t, true)
  t.same(made.watch.state().get('c1'), {
    kind: 'waiting',
    since: 0,
    reason: 'it was not seen to be complete',
  })
  made.api.trouble(apiPaths.bootstrapConfigMap, 'api.c1.example.net:6443: the connection was cut')
  made.api.trouble(apiPaths.bootstrapConfigMap, 'api.c1.example.net:6443: the connection was cut')
  made.api.say(apiPaths.bootstrapConfigMap, [bootstrapConfigMap()])
  made.api.change(apiPaths.bootstrapConfigMap, 'ADDED', bootstrapConfigMap('no'))
  made.api.change(apiPaths.bootstrapConfigMap, 'DELETED', complete)
  await settle()
  t.same(made.told, [])
  made.api.change(apiPaths.bootstrapConfigMap, 'MODIFIED', complete)
  await until(() => made.told.length > 0)
  const evidence = 'the ConfigMap bootstrap in kube-system says complete (/kubeconfig)'
  t.same(made.told, [`complete c1: ${evidence}`])
  t.same(made.watch.state().get('c1'), { kind: 'out', since: made.clock.now(), reason: evidence })
  t.same(
    made.lines().map(({ msg, reason }) => [msg, reason]),
    [
      ['cluster cannot be asked', 'api.c1.example.net:6443: the connection was cut'],
      ['bootstrap is complete', evidence],
    ],
  )
  t.same(made.api.followed(), [])

  const later = await made.again()
  t.equal(later.state().get('c1')?.kind, 'out')
  t.same(made.api.followed(), [], 'it is not looked for again')
  t.equal(made.told.length, 1)
})

t.test('without a kubeconfig: all masters pass on both ports, three minutes without a failure', async (t) => {
  const made = await bench(t, false)
  const all = ['192.0.2.11', '[2001:db8::12]'].flatMap((host) => [
    `https://${host}:6443/readyz`,
    `https://${host}:22623/healthz`,
  ])
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10_000) {
      made.clock.advance(10_000)
      await settle()
    }
  }
  for (const url of all.slice(1)) made.healthy.add(url)
  await pass(2 * settleMs)
  t.same(made.told, [], 'not while one check fails')
  made.healthy.add(all[0]!)
  await pass(settleMs - 20_000)
  made.healthy.delete(all[3]!)
  await pass(10_000)
  made.healthy.add(all[3]!)
  await pass(settleMs)
  t.same(made.told, [], 'nor while one failed in between')
  await pass(10_000)
  await until(() => made.told.length > 0)
  t.same(made.told, ['complete c1: m1, m2 passed their checks on 6443 and 22623 for 3 minutes'])
  t.same(made.lines()[0]?.reason, noKubeconfig)
  t.equal(made.lines().length, 2, 'the missing kubeconfig is said once')
})

t.test('a kubeconfig that comes later is used', async (t) => {
  const made = await bench(t, false)
  const other = made.troubles('c1', 'somebody else')
  other.say(noKubeconfig)
  made.hasKubeconfig = true
  made.clock.advance(10_000)
  await settle()
  t.same(made.api.followed(), [apiPaths.bootstrapConfigMap])
  other.end()
  t.same(
    made.lines().map(({ msg }) => msg),
    ['cluster cannot be asked', 'cluster is heard again'],
  )
  made.watch.close()
  await settle()
  t.same(made.api.followed(), [])
  t.equal(made.clock.pending(), 0)
})

t.test('closed, or given another site, while a command is kept: nobody is looked for twice', async (t) => {
  const made = await bench(t, true)
  const said = made.watch.command('c1', 'watch')
  made.watch.swap([made.cluster])
  await said
  await settle()
  t.same([made.api.followed(), made.connections], [[apiPaths.bootstrapConfigMap], 1])
  const last = made.watch.command('c1', 'watch')
  made.watch.close()
  await last
  await settle()
  t.same([made.api.followed(), made.connections], [[], 0])
})

t.test('closed without a kubeconfig, it checks no longer', async (t) => {
  const made = await bench(t, false)
  made.watch.close()
  await settle()
  t.equal(made.clock.pending(), 0)
})

t.test('a person says that it stays, leaves, or is looked for again; it is kept too', async (t) => {
  const made = await bench(t, true)
  const { watch } = made
  t.equal(await watch.command('c2', 'out'), undefined)
  t.match(await watch.command('c1', 'keep'), { kind: 'kept', reason: 'a person said so (bootstrap keep)' })
  await settle()
  t.same(made.api.followed(), [], 'nothing is looked for')
  t.same(made.told, [])
  t.match(await watch.command('c1', 'out'), { kind: 'out' })
  await watch.command('c1', 'out')
  t.match(await watch.command('c1', 'watch'), { kind: 'waiting' })
  await settle()
  t.same(made.api.followed(), [apiPaths.bootstrapConfigMap])
  t.same(made.told, ['complete c1: a person said so (bootstrap out)', 'undone c1'])
  await watch.command('c1', 'keep')
  t.equal((await made.again()).state().get('c1')?.kind, 'kept')
})

t.test('a person who is quicker than what was seen, or slower, has the last word', async (t) => {
  const quick = await bench(t, true)
  quick.api.say(apiPaths.bootstrapConfigMap, [complete])
  await quick.watch.command('c1', 'keep')
  await settle()
  t.same(quick.told, [])
  t.equal(quick.watch.state().get('c1')?.kind, 'kept')

  const slow = await bench(t, true, join(t.testdir({}), 'bootstrap.json'))
  slow.api.say(apiPaths.bootstrapConfigMap, [complete])
  await until(() => slow.api.followed().length === 0)
  await until(() => slow.told.length > 0)
  await slow.watch.command('c1', 'keep')
  t.match(slow.told, [/^complete c1/, 'undone c1'])
})

t.test('a reload takes clusters away and brings others', async (t) => {
  const made = await bench(t, true)
  made.watch.swap([])
  await settle()
  t.same([...made.watch.state()], [])
  t.same(made.api.followed(), [])
  made.watch.swap([made.cluster])
  await settle()
  t.same(made.api.followed(), [apiPaths.bootstrapConfigMap])
})

t.test('a record that is damaged, or cannot be written, keeps nobody waiting', async (t) => {
  for (const text of ['{', '{"version":2,"clusters":{}}', '{"version":1,"clusters":{"c1":7}}']) {
    const path = join(t.testdir({ 'bootstrap.json': text }), 'bootstrap.json')
    const made = await bench(t, true, path)
    t.match(made.lines()[0], {
      msg: 'what was known of bootstraps is lost',
      reason: `${path} is no record of bootstraps, so nothing is known of before`,
    })
    made.api.say(apiPaths.bootstrapConfigMap, [complete])
    await until(() => made.told.length > 0)
    t.match(JSON.parse(readFileSync(path, 'utf8')), { version: 1, clusters: { c1: { kind: 'out' } } })
  }
  const folder = join(t.testdir({}), 'bootstrap.json')
  mkdirSync(folder)
  const made = await bench(t, true, folder)
  t.match(made.lines()[0]?.reason, /^cannot read .*: EISDIR/)
  await t.rejects(made.watch.command('c1', 'keep'), { code: 'EISDIR' })
  t.equal(made.watch.state().get('c1')?.kind, 'waiting', 'what cannot be kept is not done')
  made.api.say(apiPaths.bootstrapConfigMap, [complete])
  await until(() => made.told.length > 0)
  t.equal(made.watch.state().get('c1')?.kind, 'out')
  t.match(made.lines().at(-2)?.msg, 'bootstrap record not written')
  const huge = join(t.testdir({}), 'bootstrap.json')
  writeFileSync(huge, ' '.repeat(1024 * 1024 + 1))
  t.match((await bench(t, true, huge)).lines()[0]?.msg, 'what was known of bootstraps is lost')
})

t.test('only clusters with a bootstrap and masters are watched', (t) => {
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
    return bootstrapClusters(model, Date.now).map(({ name, masters, kubeconfig }) => [
      name,
      masters.map((master) => master.name),
      kubeconfig.path,
    ])
  }
  t.same(clusters([bs, m1!]), [['c1', ['m1'], '/etc/slipway/ignition/auth/kubeconfig']])
  t.same(clusters([m1!, w1!]), [])
  t.same(clusters([bs, w1!]), [])
  t.end()
})
