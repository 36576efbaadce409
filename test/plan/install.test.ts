import t from 'tap'
import { agentImage } from '../support/model.ts'
import { installPlan } from '../support/installs.ts'

t.test('nobody waits for others where the cluster is not installed in order', (t) => {
  const inOrder = installPlan().get('ocp45/m1')!
  t.match(inOrder.waitsFor.master, [{ node: 'ocp45/bs' }])
  const atOnce = installPlan(({ clusters }) => Object.assign(clusters[0]!, { order: false }))
  for (const { key, waitsFor } of atOnce.values()) t.same(waitsFor, {}, key)
  t.end()
})

t.test(
  'the last that an installation is sent: its Ignition file, which an agent has in its initramfs',
  (t) => {
    const images = new Map([['rhcos', agentImage('/srv/rhcos')]])
    t.equal(installPlan().get('ocp45/m1')!.lastFile, 'ignition')
    t.equal(installPlan(undefined, { images }).get('ocp45/m1')!.lastFile, 'rootfs')
    t.end()
  },
)
