/** Configurations for firmware that reads them itself, held by golden files and read by its rules. */
import t from 'tap'
import type { BootPlan } from '../../../src/plan/boot/boot-plan.ts'
import { renderFirmware } from '../../../src/plan/pxelinux/firmware.ts'
import { bootPlans } from '../../support/boot-plans.ts'
import { maxFirmwareBytes, readFirmware } from '../../support/firmware-config.ts'
import { golden } from '../../support/golden.ts'

const { m1, plans } = bootPlans()

for (const [name, plan] of plans) {
  t.test(`the configuration for firmware: ${name}`, (t) => {
    const text = renderFirmware(m1, plan)
    golden(t, `firmware/${name}.cfg`, text)
    t.match(text, /^[\x20-\x7e\n]*$/)
    t.ok(text.length <= maxFirmwareBytes)
    t.equal(readFirmware(text) === undefined, plan.kind !== 'install' || plan.handoverUrl !== undefined)
    t.end()
  })
}

t.test('a long reason does not exceed the buffer of the firmware', (t) => {
  const text = renderFirmware(m1, { kind: 'refused', reason: 'x'.repeat(5000) })
  t.ok(text.length < 300)
  t.end()
})

t.test('an installer that only iPXE can start is not started, and the text names it', (t) => {
  const install = plans.get('install')
  if (install?.kind !== 'install') throw new Error('no plan that installs')
  const handover = renderFirmware(m1, { ...install, handoverUrl: 'http://192.0.2.2/handover' })
  const script = renderFirmware(m1, { kind: 'script', source: 'http://192.0.2.9/script' } as BootPlan)
  for (const text of [handover, script]) {
    t.equal(readFirmware(text), undefined)
    t.match(text, /iPXE/)
  }
  t.match(script, 'http://192.0.2.9/script')
  t.end()
})

t.test('a kernel without arguments has no line for them', (t) => {
  const install = plans.get('install')
  const text = renderFirmware(m1, { ...install, arguments: [] } as BootPlan)
  t.notMatch(text, 'append')
  t.same(readFirmware(text)?.arguments, [])
  t.end()
})
