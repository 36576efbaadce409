import t from 'tap'
import { observedNode, type ObservedNode } from '../support/observed-node.ts'
import { installer, pxe, bootLines } from '../support/timeline-lines.ts'

const ways: { name: string; life: ObservedNode; boots: string[] }[] = [
  {
    name: 'repeated requests without an answer are one step',
    life: observedNode().discover('firmware').pass(4000).discover('firmware').pass(8000).discover('firmware'),
    boots: ['network: firmware-dhcp offered ×3'],
  },
  {
    name: 'a request after a pause of five minutes is another boot',
    life: observedNode().discover('firmware').pass(301_000).discover('firmware'),
    boots: ['network: firmware-dhcp offered', 'network: firmware-dhcp offered'],
  },
  {
    name: 'firmware that falls back from PXE to HTTP Boot starts another boot',
    life: observedNode()
      .asks('firmware')
      .asks('http-firmware', 1000, 16)
      .loader('probed')
      .loader('sent', { by: 'http' }),
    boots: ['network: firmware-dhcp', 'network: http-firmware-dhcp, loader'],
  },
  {
    name: 'a loader fetched again after firmware DHCP belongs to the next boot',
    life: observedNode().asks('firmware').loader('sent').pass(20_000).asks('firmware').loader('sent'),
    boots: ['network: firmware-dhcp, loader', 'network: firmware-dhcp, loader'],
  },
  {
    name: 'a loader fetched again by the same boot is counted, its probes are not',
    life: observedNode().asks('firmware').loader('probed').loader('sent').loader('probed').loader('sent'),
    boots: ['network: firmware-dhcp, loader ×2'],
  },
  {
    name: 'a loader of which only the size was requested',
    life: observedNode().asks('firmware').loader('probed').loader('probed'),
    boots: ['network: firmware-dhcp, loader probed ×2'],
  },
  {
    name: 'optional files of iPXE are not a step',
    life: observedNode().asks('firmware').loader('sent').loader('missing', { file: 'efi/autoexec.ipxe' }),
    boots: ['network: firmware-dhcp, loader'],
  },
  {
    name: 'iPXE in the ROM of a network card starts a boot',
    life: observedNode().asks('ipxe').script('local').pass(60_000).asks('ipxe').script('local'),
    boots: ['network: ipxe-dhcp, local-script', 'network: ipxe-dhcp, local-script'],
  },
  {
    name: 'iPXE DHCP after a long pause is another boot',
    life: observedNode().asks('ipxe').pass(400_000).asks('ipxe'),
    boots: ['network: ipxe-dhcp', 'network: ipxe-dhcp'],
  },
  {
    name: 'waiting is one step for each reason and ends with the next script',
    life: observedNode()
      .pxe()
      .script('wait', { reason: 'the bootstrap does not serve' })
      .pass(5000)
      .script('wait', { reason: 'the bootstrap does not serve' })
      .pass(5000)
      .script('wait', { reason: 'its Ignition file is being replaced' })
      .pass(5000)
      .script('install', { role: 'master' }),
    boots: [`network: ${pxe}, wait-script ×2, wait-script, install-script`],
  },
  {
    name: 'a node that was powered off while it waited',
    life: observedNode().pxe().script('wait', { reason: 'x' }).pass(10_000).pxe(),
    boots: [`network: ${pxe}, wait-script aborted`, `network: ${pxe}`],
  },
  {
    name: 'the disk selected in the menu',
    life: observedNode().pxe().script('menu').pass(20_000).asks('system'),
    boots: [`network: ${pxe}, menu-script, disk-dhcp`],
  },
  {
    name: 'the disk via the network',
    life: observedNode().pxe().script('local').pass(30_000).asks('system').pass(20_000).asks('system'),
    boots: [`network: ${pxe}, local-script, disk-dhcp ×2`],
  },
  {
    name: 'firmware that falls back from the network to its disk',
    life: observedNode().discover('firmware').pass(60_000).asks('system'),
    boots: ['network: firmware-dhcp offered, disk-dhcp'],
  },
  {
    name: 'two boots from the disk within minutes',
    life: observedNode().asks('system').pass(30_000).asks('system').pass(180_000).asks('system'),
    boots: ['disk: disk-dhcp ×2', 'disk: disk-dhcp'],
  },
  {
    name: 'a renewed lease is not a step',
    life: observedNode().asks('system').pass(1_800_000).see({
      kind: 'dhcp',
      asker: 'system',
      message: 'request',
      isFresh: false,
      vendorClass: '',
      answer: 'acknowledged',
    }),
    boots: ['disk: disk-dhcp'],
  },
  {
    name: 'an interrupted kernel is fetched again',
    life: observedNode()
      .pxe()
      .script('install', { role: 'worker' })
      .file('kernel', 'begun', 0, 0)
      .file('kernel', 'aborted', 70_000, 3000)
      .fetches('kernel'),
    boots: [`network: ${pxe}, install-script, kernel ×2`],
  },
  {
    name: 'a script that starts again adds no steps',
    life: observedNode()
      .pxe()
      .script('install')
      .file('kernel', 'aborted', 0, 10)
      .file('kernel', 'aborted', 0, 10)
      .script('install')
      .file('kernel', 'aborted', 0, 10),
    boots: [`network: ${pxe}, install-script ×2, kernel aborted ×3`],
  },
  {
    name: 'a download is active until it is sent',
    life: observedNode()
      .pxe()
      .script('install')
      .file('kernel', 'begun', 0, 0)
      .file('kernel', 'under-way', 5_000_000, 900),
    boots: [`network: ${pxe}, install-script, kernel under-way`],
  },
  {
    name: 'a download without further progress was interrupted',
    life: observedNode()
      .pxe()
      .script('install')
      .fetches('kernel')
      .file('initramfs', 'under-way', 9, 900)
      .pass(60_000)
      .pxe(),
    boots: [`network: ${pxe}, install-script, kernel, initramfs aborted`, `network: ${pxe}`],
  },
  {
    name: 'a download during a restart of slipway',
    life: observedNode()
      .fetches('initramfs')
      .asks('system')
      .file('rootfs', 'under-way', 9, 900)
      .asks('system')
      .ignition(),
    boots: ['network: initramfs, live-dhcp ×2, rootfs aborted, ignition, disk under-way'],
  },
  {
    name: 'an interrupted initramfs starts no live system',
    life: observedNode()
      .script('install')
      .fetches('kernel')
      .file('initramfs', 'aborted', 9, 900)
      .asks('system'),
    boots: ['network: install-script, kernel, initramfs aborted, disk-dhcp'],
  },
  {
    name: 'the installer of 4.5 fetches a metal image',
    life: observedNode()
      .script('install')
      .fetches('kernel')
      .fetches('initramfs')
      .asks('system')
      .ignition()
      .fetches('metal')
      .pass(60_000)
      .asks('system'),
    boots: [
      'network: install-script, kernel, initramfs, live-dhcp, ignition, disk unconfirmed, metal',
      'disk: disk-dhcp',
    ],
  },
  {
    name: 'the Ignition file of the live system does not start writing the disk',
    life: observedNode()
      .fetches('initramfs')
      .asks('system')
      .ignition('sent', { role: 'live' })
      .asks('system')
      .ignition(),
    boots: ['network: initramfs, live-dhcp ×2, ignition, ignition, disk under-way'],
  },
  {
    name: 'a refused client does not change the Ignition step of the node',
    life: observedNode().fetches('rootfs').ignition().ignition('refused', { reason: 'its token is used up' }),
    boots: ['network: rootfs, ignition, disk under-way, ignition refused'],
  },
  {
    name: 'an installed system that reads Ignition does not write its disk',
    life: observedNode().asks('system').ignition(),
    boots: ['disk: disk-dhcp, ignition'],
  },
  {
    name: 'an installer that failed',
    life: observedNode().fetches('rootfs').ignition().pass(9000).callback('failed'),
    boots: ['network: rootfs, ignition, disk aborted, failed'],
  },
  {
    name: 'an installer that failed before any other step',
    life: observedNode().callback('failed'),
    boots: ['network: failed'],
  },
  {
    name: 'the callback of the written disk alone',
    life: observedNode().callback('written'),
    boots: ['network: disk, reboot under-way'],
  },
  {
    name: 'a repeated callback is counted',
    life: observedNode().ignition().callback('written').callback('written'),
    boots: ['network: ignition, disk ×2, reboot under-way'],
  },
  {
    name: 'a first start with a static address',
    life: observedNode().ignition().callback('written').pass(60_000).callback('started'),
    boots: ['network: ignition, disk, reboot', 'disk: started'],
  },
  {
    name: 'a network boot after a disk boot, and again the disk',
    life: observedNode()
      .ignition()
      .callback('written')
      .pass(60_000)
      .pxe()
      .script('local')
      .asks('system')
      .callback('started'),
    boots: ['network: ignition, disk, reboot', `network: ${pxe}, local-script, disk-dhcp, started`],
  },
  {
    name: 'an interrupted installation and the next one',
    life: observedNode().pxe().installer().pass(10_000).pxe().installer().callback('written'),
    boots: [
      `network: ${pxe}, ${installer}, disk unconfirmed`,
      `network: ${pxe}, ${installer}, disk, reboot under-way`,
    ],
  },
  {
    name: 'earlier steps than the boot reached start another boot',
    life: observedNode()
      .asks('system')
      .loader('sent')
      .fetches('rootfs')
      .script('local')
      .asks('system')
      .fetches('rootfs'),
    boots: [
      'disk: disk-dhcp',
      'network: loader, rootfs',
      'network: local-script, disk-dhcp',
      'network: rootfs',
    ],
  },
]

for (const { name, life, boots } of ways) {
  t.test(name, (t) => {
    t.same(bootLines(life), boots)
    t.end()
  })
}
