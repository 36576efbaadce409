import t from 'tap'
import { nowText, stepDetail } from '../../src/install/step-text.ts'
import { stepKinds, stages } from '../../src/install/step-kinds.ts'
import type { StepKindRow } from '../../src/install/step-row.ts'
import { stalledSymptom } from '../../src/install/symptoms/installer.ts'
import { isStalledAt, viewOf } from '../../src/install/symptoms/boot-view.ts'
import { latestStep, timelineOf } from '../../src/install/timeline.ts'
import { observedNode, type ObservedNode } from '../support/observed-node.ts'
import { bootLines } from '../support/timeline-lines.ts'

const minute = 60_000

/** A step that slipway does not have: one row. Its evidence is a callback, which needs no further code. */
const powerOn: StepKindRow = {
  stage: stages.firmware - 1,
  timeoutMs: 3 * minute,
  startsBoot: () => true,
  title: 'BMC: power on',
  evidence: 'the BMC accepted the power-on request',
  now: ({ ago }) => `powered on ${ago}`,
  stalled: {
    name: 'not-booting',
    code: 'boot.loader-not-requested',
    saw: ({ silent }) => `was powered on ${silent} ago and did not boot from the network`,
    likely: 'the network is not in its boot order',
    advice: 'look at its console',
  },
}

t.test('a new step needs one row: it orders, times out, and prints', (t) => {
  const kind = 'power-on' as 'started'
  Object.assign(stepKinds, { [kind]: powerOn })
  const poweredOn = (life: ObservedNode) =>
    life.see({ kind: 'callback', stage: kind, client: '192.0.2.9:623' })

  const life = poweredOn(
    observedNode()
      .pxe()
      .script('local')
      .pass(10 * minute),
  )
  life.pass(1000).pxe()
  t.same(bootLines(life), [
    'network: firmware-dhcp, loader, ipxe-dhcp, local-script',
    'network: power-on',
    'network: firmware-dhcp, loader, ipxe-dhcp',
  ])

  const stalled = poweredOn(observedNode())
  const { boots } = timelineOf(stalled.observations)
  const record = { node: 'ocp45/w1', mode: 'install', since: 0, reason: '' } as const
  const viewAfter = (ms: number) => viewOf(boots, stalled.now() + ms, { record, usesDhcp: true })!
  t.notOk(isStalledAt(viewAfter(2 * minute), kind))
  t.ok(isStalledAt(viewAfter(4 * minute), kind))
  t.match(stalledSymptom(kind, powerOn.stalled!).diagnose(viewAfter(4 * minute)), {
    saw: 'was powered on 4 min ago and did not boot from the network',
  })

  const step = latestStep(boots[0]!)
  t.equal(nowText(step, stalled.now() + 5000), 'powered on 5.0 s ago')
  t.equal(stepDetail(step), '')
  t.end()
})

t.test('every row fits its column and has a complete symptom', (t) => {
  for (const [kind, { title, evidence, stalled }] of Object.entries(stepKinds)) {
    t.ok(title.length <= 14, `${kind}: ${title}`)
    t.notOk(/[.]$|^[A-Z]/.test(evidence.replace(/^DHCP/, '')), `${kind}: ${evidence}`)
    if (stalled !== undefined) t.ok(stalled.likely !== '')
  }
  t.end()
})
