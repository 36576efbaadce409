import t from 'tap'
import { agentImage } from '../support/model.ts'
import { installPlan } from '../support/installs.ts'

t.test('no node waits for others if the cluster is not installed in order', (t) => {
  const inOrder = installPlan().get('ocp45/m1')!
  t.match(inOrder.waitsFor.master, [{ node: 'ocp45/bs' }])
  const atOnce = installPlan(({ clusters }) => Object.assign(clusters[0]!, { order: false }))
  for (const { key, waitsFor } of atOnce.values()) t.same(waitsFor, {}, key)
  t.end()
})

t.test('an arbiter waits for the machine config server as a master does', (t) => {
  const plan = installPlan(({ clusters }) => Object.assign(clusters[0]!.nodes[1]!, { role: 'arbiter' }))
  const { waitsFor } = plan.get('ocp45/m1')!
  t.ok(waitsFor.arbiter?.some(({ node }) => node === 'ocp45/bs'))
  t.same(waitsFor.arbiter, waitsFor.master)
  t.end()
})

t.test('the last file of an installation is its Ignition file, or the rootfs for an agent', (t) => {
  const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
  t.equal(installPlan().get('ocp45/m1')!.lastFile, 'ignition')
  t.equal(installPlan(undefined, { images }).get('ocp45/m1')!.lastFile, 'rootfs')
  t.end()
})
