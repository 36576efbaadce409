import t from 'tap'
import { ganttOf, markOf } from '../../../../src/serve/page/browser/gantt-model.ts'
import { timelineOf } from '../../../../src/install/timeline.ts'
import { observedNode, type ObservedNode } from '../../../support/observed-node.ts'

const bootOf = (life: ObservedNode) => timelineOf(life.observations).boots[0]!

t.test('each step is a bar on the axis of the boot, above the bars of the siblings', (t) => {
  const life = observedNode().pxe().script('install').fetches('kernel', 1_000_000)
  const boot = bootOf(life)
  const sibling = { node: 'ocp45/w2', boot: bootOf(observedNode('ocp45/w2').pxe().installer()) }
  const { rows, spanMs } = ganttOf('ocp45/w1', boot, [sibling], life.now())
  t.same(
    rows.map(({ title }) => title),
    ['firmware DHCP', 'loader', 'iPXE DHCP', 'script', 'kernel'],
  )
  const kernel = rows.at(-1)!
  t.match(kernel, {
    mark: 'done',
    usualMs: 140,
    octetsPerSecond: 1_000_000,
    siblings: [{ node: 'ocp45/w2' }],
  })
  t.equal(kernel.bar.to, 1)
  t.equal(Math.round(kernel.durationMs / 1000), 15)
  t.ok(kernel.bar.from < kernel.bar.to && kernel.siblings[0]!.to < 1)
  t.equal(spanMs, boot.endedAt - boot.startedAt)
  t.end()
})

t.test('an active step lasts until now, and a slow sibling does not compress the bars', (t) => {
  const life = observedNode().pxe().script('install').file('rootfs', 'begun', 0, 0)
  const slow = observedNode('ocp45/w2').pxe().script('install').file('rootfs', 'begun', 0, 0)
  slow.pass(600_000).file('rootfs', 'sent', 1024, 600_000)
  const boot = bootOf(life)
  const { rows, spanMs } = ganttOf(
    'ocp45/w1',
    boot,
    [{ node: 'ocp45/w2', boot: bootOf(slow) }],
    life.now() + 5000,
  )
  t.match(rows.at(-1), { mark: 'active', durationMs: 5000, bar: { node: 'ocp45/w1' } })
  t.match(rows.at(-1)!.siblings, [{ to: 1 }])
  t.ok(spanMs < 60_000)
  t.end()
})

t.test('without siblings, no duration is usual', (t) => {
  const life = observedNode().asks('firmware')
  t.match(ganttOf('ocp45/w1', bootOf(life), [], life.now()).rows, [{ usualMs: undefined, siblings: [] }])
  t.end()
})

t.test('a mark summarizes the outcome of a step', (t) => {
  t.equal(markOf({ kind: 'loader', outcome: 'done' }), 'done')
  t.equal(markOf({ kind: 'loader', outcome: 'under-way' }), 'active')
  t.equal(markOf({ kind: 'firmware-dhcp', outcome: 'offered' }), 'unsure')
  t.equal(markOf({ kind: 'loader', outcome: 'missing' }), 'failed')
  t.equal(markOf({ kind: 'not-ready', outcome: 'done' }), 'active')
  t.equal(markOf({ kind: 'failed', outcome: 'done' }), 'failed')
  t.end()
})
