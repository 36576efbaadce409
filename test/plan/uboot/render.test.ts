/** Whole configurations of U-Boot, held by golden files and read by the rules of extlinux. */
import t from 'tap'
import type { BootPlan } from '../../../src/plan/boot/boot-plan.ts'
import { planMenu } from '../../../src/plan/boot/boot-plan.ts'
import { renderUboot, renderUbootEntry, renderUbootInclude } from '../../../src/plan/uboot/render.ts'
import { bootPlans, incompleteMenu } from '../../support/boot-plans.ts'
import { golden } from '../../support/golden.ts'
import { readPxelinux } from '../../support/pxelinux-config.ts'

const { model, m1, plans } = bootPlans()

for (const [name, plan] of plans) {
  t.test(`the configuration of U-Boot: ${name}`, (t) => {
    const text = renderUboot(m1, plan)
    golden(t, `uboot/${name}.conf`, text)
    t.match(text, /^[\x20-\x7e\n]*$/)
    readPxelinux(text)
    t.end()
  })
}

t.test('the script of U-Boot requests the configuration from this server, in a loop', (t) => {
  golden(t, 'uboot/entry.cmd', renderUbootEntry(m1, 'http://192.0.2.2:8080/boot/ocp45/m1/boot.ipxe'))
  t.same(readPxelinux(renderUbootInclude(m1)).included, ['/boot/ocp45/m1/boot.uboot'])
  t.end()
})

t.test('a menu of U-Boot has an entry for each role, and a default that exists', (t) => {
  const menu = readPxelinux(renderUboot(m1, planMenu(model, m1, ['master', 'worker'])))
  t.same([...menu.labels.keys()], ['master', 'worker', 'local'])
  t.same(menu.labels.get('worker'), { kind: 'config', file: 'install-worker.uboot' })
  t.equal(menu.first, 'local')
  const { node, plan } = incompleteMenu()
  const incomplete = readPxelinux(renderUboot(node, plan))
  t.same([...incomplete.labels.keys()], ['worker', 'local', 'again'])
  t.equal(incomplete.first, 'again')
  const shell = { ...planMenu(model, m1, ['master']), default: 'shell' } as BootPlan
  t.equal(readPxelinux(renderUboot(m1, shell)).first, 'local')
  t.end()
})

t.test('U-Boot boots its disk if another server installs nodes', (t) => {
  const { labels, first } = readPxelinux(renderUboot(m1, plans.get('elsewhere')!))
  t.same(labels.get(first), { kind: 'disk' })
  t.end()
})

t.test('the script of another installer is left to iPXE', (t) => {
  const source = 'https://installer.example.com/boot.ipxe'
  const handoverUrl = 'http://192.0.2.2/boot/ocp45/m1/token/handover'
  const script: BootPlan = { kind: 'script', role: 'worker', source, arguments: [], handoverUrl }
  const plain = { ...plans.get('install'), handoverUrl } as BootPlan
  for (const plan of [script, plain]) {
    const { labels, printed } = readPxelinux(renderUboot(m1, plan))
    t.match(printed.join(' '), /only iPXE can boot/)
    t.notOk([...labels.values()].some(({ kind }) => kind === 'boot'))
  }
  t.end()
})
