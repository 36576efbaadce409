/** Configurations of PXELINUX and U-Boot as the simulation reads them: all that slipway renders, and what it must refuse. */
import t from 'tap'
import type { BootPlan } from '../../src/plan/boot/boot-plan.ts'
import { renderBoot } from '../../src/plan/boot/render.ts'
import { readLabelScript } from '../../src/simulate/label-script.ts'
import { bootPlans } from '../support/boot-plans.ts'

const { m1, plans } = bootPlans()
const server = 'http://192.0.2.2'
const bootUrl = `${server}/boot/ocp45/m1/boot.ipxe`
const menu = plans.get('menu') as Extract<BootPlan, { kind: 'menu' }>

for (const syntax of ['pxelinux', 'uboot'] as const) {
  const url = bootUrl.replace('ipxe', syntax)
  const outcomeOf = (plan: BootPlan) => readLabelScript(renderBoot(syntax, m1, plan, bootUrl), url)

  t.test(`${syntax}: an installation boots the kernel and the initramfs of this server`, (t) => {
    const install = plans.get('install') as Extract<BootPlan, { kind: 'install' }>
    t.same(outcomeOf(install), {
      kind: 'boot',
      kernel: {
        url: `${server}/images/rhcos/rhcos-live-kernel-x86_64`,
        name: 'kernel',
        arguments: ['initrd=main', ...install.arguments],
      },
      initrds: [
        { url: `${server}/images/rhcos/rhcos-live-initramfs.x86_64.img`, name: 'main', arguments: [] },
      ],
    })
    t.end()
  })

  t.test(`${syntax}: other configurations boot the disk, continue with another one, or wait`, (t) => {
    t.same(outcomeOf(plans.get('local')!), { kind: 'local', command: 'localboot' })
    t.same(outcomeOf(menu), { kind: 'local', command: 'localboot' })
    t.match(outcomeOf({ ...menu, default: 'worker' }), {
      kind: 'chain',
      url: new RegExp(`/install-worker.${syntax}$`),
    })
    t.same(outcomeOf({ ...menu, timeoutSeconds: 0 }), { kind: 'waits', command: 'menu' })
    t.match(outcomeOf(plans.get('waiting-skip')!), {
      kind: 'chain',
      url: `${server}/boot/ocp45/m1/skip-install-master.${syntax}`,
    })
    t.end()
  })
}

t.test('a configuration that waits names the reason, or leads to itself', (t) => {
  const pxelinux = renderBoot('pxelinux', m1, plans.get('failed')!, bootUrl)
  t.match(readLabelScript(pxelinux, bootUrl), { kind: 'refused', reason: /5 attempts failed/ })
  const url = `${server}/boot/ocp45/m1/boot.uboot`
  const uboot = renderBoot('uboot', m1, plans.get('waiting')!, bootUrl)
  t.match(readLabelScript(uboot, url), { kind: 'chain', url, printed: [/serves machine configuration/] })
  t.match(readLabelScript(renderBoot('pxelinux', m1, plans.get('elsewhere')!, bootUrl), bootUrl), {
    kind: 'chain',
    url: 'http://192.0.2.3/boot/ocp45/m1/boot.pxelinux',
  })
  t.end()
})

t.test('an unknown directive and a missing label are refused; a kernel may have no arguments', (t) => {
  const read = (text: string) => readLabelScript(text, bootUrl)
  t.match(read('UI menu.c32\n'), { kind: 'refused', reason: 'line 1 has the unknown directive UI' })
  t.match(read('kernel a\n'), { kind: 'refused', reason: 'line 1 has the unknown directive kernel' })
  t.match(read('default x\n'), { kind: 'refused', reason: 'no label x' })
  t.match(read('# nothing\n'), { kind: 'refused', reason: 'no label ' })
  t.match(read('default a\nlabel a\nkernel /k\n'), {
    kind: 'boot',
    kernel: { url: `${server}/k`, arguments: ['initrd=main'] },
  })
  t.end()
})
