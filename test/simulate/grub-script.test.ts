/** Scripts of GRUB as the simulation reads them: all that slipway renders, and what it must refuse. */
import t from 'tap'
import type { BootPlan } from '../../src/plan/boot/boot-plan.ts'
import { renderGrub } from '../../src/plan/grub/render.ts'
import { readGrubScript } from '../../src/simulate/grub-script.ts'
import { bootPlans, incompleteMenu } from '../support/boot-plans.ts'

const { m1, plans } = bootPlans()
const url = 'http://192.0.2.2:8080/boot/ocp45/m1/boot.grub'
const server = 'http://192.0.2.2:8080'
const outcomeOf = (plan: BootPlan, node = m1) => readGrubScript(renderGrub(node, plan), url)

t.test('an installation boots the kernel and the initramfs of this server', (t) => {
  const install = plans.get('install') as Extract<BootPlan, { kind: 'install' }>
  t.same(outcomeOf(install), {
    kind: 'boot',
    kernel: {
      url: `${server}/images/rhcos/rhcos-live-kernel-x86_64`,
      name: 'kernel',
      arguments: ['initrd=main', ...install.arguments],
    },
    initrds: [{ url: `${server}/images/rhcos/rhcos-live-initramfs.x86_64.img`, name: 'main', arguments: [] }],
  })
  const announced = { ...install, style: 'script', handoverUrl: `${server}/handover` } as BootPlan
  t.match(outcomeOf(announced), {
    kind: 'boot',
    kernel: { url: 'http://192.0.2.2/images/rhcos/rhcos-live-kernel-x86_64' },
  })
  t.end()
})

t.test('other scripts boot the disk, continue with another script, or wait', (t) => {
  const expected: [name: string, outcome: object][] = [
    ['local', { kind: 'local', command: 'chainloader' }],
    ['menu', { kind: 'local', command: 'chainloader' }],
    ['elsewhere', { kind: 'chain', url: 'http://192.0.2.3/boot/ocp45/m1/boot.grub' }],
    ['waiting-skip', { kind: 'chain', url: `${server}/boot/ocp45/m1/skip-install-master.grub` }],
    [
      'waiting',
      { kind: 'refused', reason: /a script that waits, with the text: .*serves machine configuration/ },
    ],
    ['failed', { kind: 'refused', reason: /5 attempts failed/ }],
    ['missing', { kind: 'refused', reason: /no master.ign/ }],
    ['refused', { kind: 'refused', reason: /it's another machine/ }],
  ]
  for (const [name, outcome] of expected) t.match(outcomeOf(plans.get(name)!), outcome, name)
  t.end()
})

t.test('a menu selects its default, and waits without a time-out', (t) => {
  const menu = plans.get('menu') as Extract<BootPlan, { kind: 'menu' }>
  const selects = (choice: Partial<typeof menu>) => outcomeOf({ ...menu, ...choice })
  t.match(selects({ default: 'worker' }), { kind: 'chain', url: /\/install-worker\.grub$/ })
  t.same(selects({ default: 'reboot' }), { kind: 'restarts', command: 'reboot' })
  t.same(selects({ timeoutSeconds: 0 }), { kind: 'waits', command: 'menu' })
  const { node, plan } = incompleteMenu()
  t.match(outcomeOf({ ...plan, timeoutSeconds: 5 } as BootPlan, node), {
    kind: 'chain',
    url: /\/menu\.grub$/,
  })
  t.match(readGrubScript('set default=x\nset slipway_menu=1\n', url), {
    kind: 'refused',
    reason: 'no menu entry x',
  })
  t.match(readGrubScript('set slipway_menu=1\n', url), { kind: 'refused', reason: 'no menu entry ' })
  t.end()
})

t.test('an unknown command, an open quote, and a boot without files are refused', (t) => {
  const reason = (text: string) => readGrubScript(text, url)
  t.match(reason('insmod http\n'), { kind: 'refused', reason: 'line 1 has the unknown command insmod' })
  t.match(reason("echo 'a\n"), { kind: 'refused', reason: /line 1 has quotes without an end/ })
  t.match(reason('boot\n'), { kind: 'refused' })
  t.match(reason('exit 1\n'), { kind: 'local', command: 'exit' })
  t.match(reason(String.raw`source \(http,192.0.2.9)/a`), { kind: 'chain', url: 'http://192.0.2.9/a' })
  t.end()
})
