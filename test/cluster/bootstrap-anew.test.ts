/** A bootstrap that is installed anew while the cluster of the installation before still stands. */
import t from 'tap'
import { settleMs } from '../../src/cluster/bootstrap.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { bench, settle, until } from '../support/bootstrap.ts'
import { bootstrapConfigMap } from '../support/cluster-objects.ts'

const path = apiPaths.bootstrapConfigMap
const complete = (creationTimestamp?: string) => {
  const { metadata, ...rest } = bootstrapConfigMap('complete')
  return { ...rest, metadata: { ...metadata, ...(creationTimestamp && { creationTimestamp }) } }
}
const old = complete('2026-01-01T11:00:00Z')

t.test('what the cluster before says is no end of this installation, also after a restart', async (t) => {
  const made = await bench(t, true)
  made.api.say(path, [old])
  await until(() => made.told.length === 1)
  await made.watch.beginAnew('c1')
  t.match(made.told, [/^complete c1/, 'undone c1'])
  t.match(made.watch.state().get('c1'), { kind: 'waiting', reason: 'it is installed anew' })
  await settle()
  for (const configMap of [old, complete()]) {
    made.api.say(path, [configMap])
    made.api.change(path, 'MODIFIED', configMap)
    await settle()
  }
  t.equal(made.told.length, 2)

  made.watch.close()
  const again = await made.again()
  made.api.say(path, [old])
  await settle()
  t.equal(again.state().get('c1')?.kind, 'waiting')
  made.api.change(path, 'ADDED', complete('2026-01-01T12:40:00Z'))
  await until(() => made.told.length === 3)
  t.match(again.state().get('c1'), { kind: 'out', reason: /^the ConfigMap bootstrap/ })
})

t.test('a person who says that it be looked for again means whatever the cluster says', async (t) => {
  const made = await bench(t, true)
  await made.watch.beginAnew('c1')
  await made.watch.command('c1', 'watch')
  await settle()
  made.api.say(path, [old])
  await until(() => made.told.length === 1)
  t.equal(made.watch.state().get('c1')?.kind, 'out')
})

t.test('without a kubeconfig, masters have to fail before they count', async (t) => {
  const made = await bench(t, false)
  const all = ['192.0.2.11', '[2001:db8::12]'].flatMap((host) => [
    `https://${host}:6443/readyz`,
    `https://${host}:22623/healthz`,
  ])
  for (const url of all) made.healthy.add(url)
  await made.watch.beginAnew('c1')
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed <= ms; passed += 10_000) {
      await settle()
      made.clock.advance(10_000)
    }
    await settle()
  }
  await pass(2 * settleMs)
  t.same(made.told, [], 'those of the installation before')
  made.healthy.delete(all[0]!)
  await pass(20_000)
  made.healthy.add(all[0]!)
  await pass(settleMs + 20_000)
  await until(() => made.told.length > 0)
  t.match(made.told, [/^complete c1: m1, m2 passed their checks/])
})

t.test('a cluster that is not watched has nothing to begin', async (t) => {
  const made = await bench(t, true)
  await made.watch.beginAnew('c2')
  t.same(made.told, [])
})
