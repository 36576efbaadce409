import t from 'tap'
import { observedNode, type ObservedNode } from '../../support/observed-node.ts'
import { lifeUntil, minute, second, testSymptoms } from '../../support/symptom-cases.ts'

/** One pass through a boot order with three entries for the network; firmware takes up to 94 s between two. */
function passOfEntries(life: ObservedNode): ObservedNode {
  life
    .pxe()
    .script('local')
    .pass(24 * second)
  life
    .asks('http-firmware')
    .pass(3 * second)
    .asks('ipxe')
    .script('local')
    .pass(94 * second)
  return life
    .asks('ipxe')
    .script('local')
    .pass(40 * second)
}

testSymptoms(t, [
  {
    name: 'not-written',
    sick: lifeUntil
      .rootfs()
      .ignition()
      .pass(35 * minute),
    sound: lifeUntil
      .rootfs()
      .ignition()
      .pass(25 * minute),
    saw: 'read its Ignition file 35 min ago and did not report that its disk is written',
    advice: /coreos-installer/,
  },
  {
    name: 'installer-failed',
    sick: lifeUntil.rootfs().ignition().pass(30_000).callback('failed'),
    sound: lifeUntil.rootfs().ignition().pass(30_000).callback('written'),
    saw: 'its installer failed',
    advice: /`slipway node install ocp45\/w1`/,
  },
  {
    name: 'not-rebooted',
    sick: lifeUntil
      .rootfs()
      .ignition()
      .callback('written')
      .pass(20 * minute),
    sound: lifeUntil
      .rootfs()
      .ignition()
      .callback('written')
      .pass(10 * minute),
    saw: 'wrote to its disk 20 min ago and has sent nothing since',
    advice: /boot order/,
  },
  {
    name: 'disk-does-not-boot',
    sick: observedNode().pxe().script('local').pass(30_000).pxe().script('local'),
    sound: observedNode()
      .pxe()
      .script('local')
      .pass(30_000)
      .asks('system')
      .pass(90_000)
      .pxe()
      .script('local'),
    saw: 'was sent to its disk twice and booted from the network again',
    advice: /boot order/,
  },
  {
    name: 'disk-does-not-boot',
    // The network is first in the boot order, with three entries: PXE, HTTP Boot, and iPXE of the firmware.
    sick: passOfEntries(passOfEntries(observedNode())),
    sound: passOfEntries(observedNode()),
    saw: 'was sent to its disk twice and booted from the network again',
    advice: /boot order/,
  },
  {
    name: 'disk-silent',
    sick: observedNode()
      .pxe()
      .script('local')
      .pass(12 * minute),
    sound: observedNode()
      .pxe()
      .script('local')
      .pass(5 * minute),
    saw: 'was sent to its disk 12 min ago, and no system has requested an address since',
    advice: /console/,
  },
])
