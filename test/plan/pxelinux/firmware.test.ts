/** Configurations for firmware that reads them itself, held by golden files and read by its rules. */
import t from 'tap'
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
