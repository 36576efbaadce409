/** Whole configurations of PXELINUX, held by golden files and read by its rules. */
import t from 'tap'
import type { BootPlan } from '../../../src/plan/boot/boot-plan.ts'
import { planMenu } from '../../../src/plan/boot/boot-plan.ts'
import { renderPxelinux, renderPxelinuxEntry } from '../../../src/plan/pxelinux/render.ts'
import { bootPlans, incompleteMenu } from '../../support/boot-plans.ts'
import { golden } from '../../support/golden.ts'
import { readPxelinux } from '../../support/pxelinux-config.ts'

const url = 'http://192.0.2.2:8080/boot/ocp45/m1/boot.ipxe'
const directory = 'http://192.0.2.2:8080/boot/ocp45/m1'
const { model, m1, plans } = bootPlans()

for (const [name, plan] of plans) {
  t.test(`the configuration of PXELINUX: ${name}`, (t) => {
    const text = renderPxelinux(m1, plan, url)
    golden(t, `pxelinux/${name}.cfg`, text)
    t.match(text, /^[\x20-\x7e\n]*$/)
    readPxelinux(text)
    t.end()
  })
}

t.test('the first file of PXELINUX requests the script of the node, and repeats that', (t) => {
  const entry = readPxelinux(renderPxelinuxEntry(m1, url))
  t.same(entry.included, [`${directory}/boot.pxelinux`])
  t.same(entry.labels.get(entry.first), { kind: 'config', file: 'lpxelinux.0' })
  t.equal(entry.afterTimeout, entry.first)
  t.equal(entry.hasPrompt, true, 'it waits before it tries again')
  t.ok(entry.timeout > 0)
  t.end()
})

t.test('an installation that fails requests the script again', (t) => {
  const { labels, first, afterTimeout, timeout } = readPxelinux(
    renderPxelinux(m1, plans.get('install')!, url),
  )
  t.equal(labels.get(first)?.kind, 'boot')
  t.same(labels.get(afterTimeout), { kind: 'config', file: 'lpxelinux.0' })
  t.equal(timeout, 40)
  t.end()
})

t.test('a wait keeps the role that an administrator selected, and can be skipped', (t) => {
  const { labels } = readPxelinux(renderPxelinux(m1, plans.get('waiting-skip')!, url))
  t.same(labels.get('again'), { kind: 'config', file: `${directory}/install-master.pxelinux` })
  t.same(labels.get('skip'), { kind: 'config', file: `${directory}/skip-install-master.pxelinux` })
  t.end()
})

t.test('a menu has a label for each role, and never installs another role after its time-out', (t) => {
  const menu = readPxelinux(renderPxelinux(m1, planMenu(model, m1, ['master', 'worker']), url))
  t.same([...menu.labels.keys()], ['master', 'worker', 'local', 'again'])
  t.same(menu.labels.get('worker'), { kind: 'config', file: `${directory}/install-worker.pxelinux` })
  t.equal(menu.afterTimeout, 'local')
  t.equal(menu.timeout, 300)
  const { node, plan } = incompleteMenu()
  const incomplete = readPxelinux(renderPxelinux(node, plan, url))
  t.same([...incomplete.labels.keys()], ['worker', 'local', 'again'])
  t.equal(incomplete.afterTimeout, 'again')
  t.equal(incomplete.timeout, 0)
  const shell = readPxelinux(
    renderPxelinux(m1, { ...planMenu(model, m1, ['master']), default: 'shell' } as BootPlan, url),
  )
  t.equal(shell.afterTimeout, 'local')
  t.end()
})

t.test('another server that installs nodes is requested first, then the disk boots', (t) => {
  const { included, labels, first } = readPxelinux(renderPxelinux(m1, plans.get('elsewhere')!, url))
  t.same(included, ['http://192.0.2.3/boot/ocp45/m1/boot.pxelinux'])
  t.same(labels.get(first), { kind: 'disk' }, 'if that server does not answer')
  t.end()
})

t.test('the image of an agent chooses the disk', (t) => {
  const agent = {
    ...plans.get('install'),
    disk: undefined,
    style: 'agent',
    arguments: [],
  } as unknown as BootPlan
  const { printed, labels } = readPxelinux(renderPxelinux(m1, agent, url))
  t.match(printed[0], 'installs as the agent decides')
  t.match(labels.get('install'), { kind: 'boot', arguments: [] })
  t.end()
})

t.test('the script of another installer is left to iPXE', (t) => {
  const source = 'https://installer.example.com/boot.ipxe'
  const handoverUrl = 'http://192.0.2.2/boot/ocp45/m1/token/handover'
  const script: BootPlan = { kind: 'script', role: 'worker', source, arguments: [], handoverUrl }
  const plain = { ...plans.get('install'), handoverUrl } as BootPlan
  for (const plan of [script, plain]) {
    const { labels, printed } = readPxelinux(renderPxelinux(m1, plan, url))
    t.match(printed.join(' '), /only iPXE can boot/)
    t.notOk([...labels.values()].some(({ kind }) => kind === 'boot'))
  }
  t.end()
})
