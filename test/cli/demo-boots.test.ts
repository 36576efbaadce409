import t from 'tap'
import { recordBoot } from '../../src/cli/demo-boots.ts'
import type { NodeModel } from '../../src/plan/model.ts'
import type { Firmware } from '../../src/simulate/dhcp-profiles.ts'
import type { BootEvent, SimulatedBoot } from '../../src/simulate/timeline.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import { installsWorld } from '../support/installs.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const steps: readonly (readonly [string, string, number])[] = [
  ['DHCP firmware', '172.16.0.21, efi/snponly.efi', 600],
  ['TFTP loader', 'efi/snponly.efi', 65_536],
  ['DHCP iPXE', "172.16.0.21, the script's URL", 600],
  ['HTTP script', '/boot/ocp45/m1/boot.ipxe', 700],
  ['HTTP kernel', 'rhcos-live-kernel-x86_64', 1024],
  ['HTTP initramfs', 'rhcos-live-initramfs.x86_64.img', 2048],
  ['DHCP system', 'm1.ocp45.example.localdomain', 600],
  ['DNS names', 'own, reverse, api, api-int, apps', 400],
  ['HTTP rootfs', 'rhcos-live-rootfs.x86_64.img', 4096],
  ['HTTP Ignition', 'master.ign, only for the node', 0],
]
const events = steps.map(([step, text, octets], index): BootEvent => {
  return { step, text, octets, atMs: index * 100, durationMs: 100 }
})
const node = exampleModel(exampleSite()).nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel

function bootOf(firmware: Firmware, more: Partial<SimulatedBoot> = {}): SimulatedBoot {
  const outcome = { isBooted: true, ending: '', durationMs: 1000, octets: 0 }
  return { node, firmware, events, ...outcome, ...more }
}

t.test('a simulated boot of the demo becomes the boot of its node, which is installed', async (t) => {
  const { installs, clock } = installsWorld()
  await recordBoot(installs, bootOf('uefi'), (ms) => {
    clock.advance(ms)
    return Promise.resolve()
  })
  t.equal(installs.list().find((each) => each.node === node.key)?.mode, 'installed')
  const { boots } = timelineOf(installs.history(node.key))
  t.same(
    boots.flatMap((boot) => boot.steps.map(({ kind, outcome }) => `${kind} ${outcome}`)),
    [
      'firmware-dhcp done',
      'loader done',
      'ipxe-dhcp done',
      'install-script done',
      'kernel done',
      'initramfs done',
      'live-dhcp done',
      'rootfs done',
      'ignition done',
      'disk done',
      'reboot done',
      'started done',
    ],
  )
})

t.test('a boot that failed, or that installs nothing, ends with its last step', async (t) => {
  const failed = installsWorld()
  await recordBoot(
    failed.installs,
    bootOf('uefi-http', { isBooted: false, events: events.slice(0, 2) }),
    () => Promise.resolve(),
  )
  t.equal(failed.installs.list().find((each) => each.node === node.key)?.mode, 'install')
  t.match(failed.installs.history(node.key)[0], { asker: 'http-firmware', architecture: 16 })

  const local = installsWorld()
  await local.installs.command(node.key, 'local')
  await recordBoot(local.installs, bootOf('bios'), () => Promise.resolve())
  t.equal(local.installs.list().find((each) => each.node === node.key)?.mode, 'local')
  t.match(local.installs.history(node.key).at(-1), { kind: 'file', what: 'rootfs' }, 'no Ignition file')
})
