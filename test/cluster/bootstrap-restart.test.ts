/** A bootstrap that is installed again while the cluster of the installation before still runs. */
import t from 'tap'
import { passingForMs } from '../../src/cluster/evaluate/requirements.ts'
import { apiPaths } from '../../src/cluster/objects.ts'
import { bootstrapRig, settle, until } from '../support/bootstrap.ts'
import { bootstrapConfigMap } from '../support/cluster-objects.ts'

const path = apiPaths.bootstrapConfigMap
const complete = (creationTimestamp?: string) => {
  const { metadata, ...rest } = bootstrapConfigMap('complete')
  return { ...rest, metadata: { ...metadata, ...(creationTimestamp && { creationTimestamp }) } }
}
const old = complete('2026-01-01T11:00:00Z')

t.test('evidence of the previous installation does not count, also after a restart', async (t) => {
  const rig = await bootstrapRig(t, true)
  rig.api.sendList(path, [old])
  await until(() => rig.calls.length === 1)
  await rig.watch.restart('c1')
  t.same(rig.calls, ['complete c1', 'undone c1'])
  t.match(rig.watch.states().get('c1'), { kind: 'waiting', reason: 'the bootstrap is installed again' })
  await settle()
  for (const configMap of [old, complete()]) {
    rig.api.sendList(path, [configMap])
    rig.api.sendEvent(path, 'MODIFIED', configMap)
    await settle()
  }
  t.equal(rig.calls.length, 2)

  rig.watch.close()
  const restarted = await rig.restart()
  rig.api.sendList(path, [old])
  await settle()
  t.equal(restarted.states().get('c1')?.kind, 'waiting')
  rig.api.sendEvent(path, 'ADDED', complete('2026-01-01T12:40:00Z'))
  await until(() => rig.calls.length === 3)
  t.match(restarted.states().get('c1'), { kind: 'out', reason: /^the ConfigMap bootstrap/ })
})

t.test('after the command `watch`, any evidence counts', async (t) => {
  const rig = await bootstrapRig(t, true)
  await rig.watch.restart('c1')
  await rig.watch.command('c1', 'watch')
  await settle()
  rig.api.sendList(path, [old])
  await until(() => rig.calls.length === 1)
  t.equal(rig.watch.states().get('c1')?.kind, 'out')
})

t.test('without a kubeconfig, the checks of masters have to fail before they count', async (t) => {
  const rig = await bootstrapRig(t, false)
  const all = ['192.0.2.11', '[2001:db8::12]'].flatMap((host) => [
    `https://${host}:6443/readyz`,
    `https://${host}:22623/healthz`,
  ])
  for (const url of all) rig.healthy.add(url)
  await rig.watch.restart('c1')
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed <= ms; passed += 10_000) {
      await settle()
      rig.clock.advance(10_000)
    }
    await settle()
  }
  await pass(2 * passingForMs)
  t.same(rig.calls, [], 'the masters of the installation before')
  rig.healthy.delete(all[0]!)
  await pass(20_000)
  rig.healthy.add(all[0]!)
  await pass(passingForMs + 20_000)
  await until(() => rig.calls.length > 0)
  t.same(rig.calls, ['complete c1'])
})

t.test('does nothing for a cluster that is not watched', async (t) => {
  const rig = await bootstrapRig(t, true)
  await rig.watch.restart('c2')
  t.same(rig.calls, [])
})
