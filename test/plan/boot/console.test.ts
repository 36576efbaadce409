/** Texts on the console of a node that depend on its architecture. */
import t from 'tap'
import { ipxeOnlyText } from '../../../src/plan/boot/console.ts'
import type { BootPlan } from '../../../src/plan/boot/boot-plan.ts'
import { renderBoot } from '../../../src/plan/boot/render.ts'
import { compileHttp } from '../../../src/plan/http/compile.ts'
import { otherArchitectureModel } from '../../support/other-architecture.ts'

const source = 'http://192.0.2.9/script?token=secret'

t.test('a loader that cannot boot a script names one that its architecture has', (t) => {
  type Given = Parameters<typeof ipxeOnlyText>
  const advice = (node: Given[0], syntax: Given[1]) => ipxeOnlyText(node, syntax, source)
  const name = 'http://192.0.2.9/script'
  t.equal(advice({}, 'grub'), `only iPXE can boot ${name}: set loader: snponly`)
  t.equal(advice({ architecture: 'aarch64' }, 'uboot'), `only iPXE can boot ${name}: set loader: ipxe`)
  t.equal(
    advice({ architecture: 'ppc64le' }, 'grub'),
    `GRUB cannot boot ${name}: use a script that only boots a kernel and an initramfs over http`,
  )
  t.equal(
    advice({ architecture: 'ppc64le' }, 'firmware'),
    `the firmware cannot boot ${name}: set loader: grub`,
  )
  t.match(advice({ architecture: 's390x' }, 'firmware'), /start this installer without slipway/)
  t.end()
})

t.test('the architecture of a node is that of its image', (t) => {
  for (const [architecture, syntax] of [
    ['aarch64', 'uboot'],
    ['ppc64le', 'grub'],
    ['ppc64le', 'firmware'],
    ['s390x', 'firmware'],
  ] as const) {
    const node = compileHttp(otherArchitectureModel(architecture)).plan.nodes.get('ocp45/m1')!
    t.equal(node.architecture, architecture)
    const text = renderBoot(syntax, node, { kind: 'script', source } as BootPlan, node.url)
    t.notMatch(text, /snponly/)
    t.notMatch(text, /secret/)
  }
  t.equal(compileHttp(otherArchitectureModel('x86_64')).plan.nodes.get('ocp45/m1')!.architecture, undefined)
  t.end()
})
