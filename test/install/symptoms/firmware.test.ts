import t from 'tap'
import { observedNode, type ObservedNode } from '../../support/observed-node.ts'
import { lifeUntil, minute, second, testSymptoms, wait } from '../../support/symptom-cases.ts'

const bios = { file: 'bios/undionly.kpxe' }
const noOffer = (life: ObservedNode) => life.discover('firmware').pass(4000).discover('firmware')

testSymptoms(t, [
  {
    name: 'no-loader-for-architecture',
    sick: observedNode().dhcp('firmware', 'discover', 'nothing-to-boot', 27),
    sound: observedNode().asks('firmware', 10, 9),
    saw: 'its firmware requested a boot loader (riscv64 UEFI) that is not available',
    advice: /x64 or arm64 UEFI/,
  },
  {
    name: 'no-loader-for-architecture',
    sick: observedNode().dhcp('firmware', 'discover', 'nothing-to-boot'),
    sound: observedNode().asks('system'),
    saw: 'its firmware requested a boot loader (no architecture given) that is not available',
    advice: /slipway explain/,
  },
  {
    name: 'request-refused',
    sick: observedNode().dhcp('system', 'request', 'refused').pass(9000).dhcp('system', 'request', 'refused'),
    sound: observedNode().dhcp('system', 'request', 'refused').pass(10).asks('system'),
    saw: 'its DHCP request was refused twice',
    advice: /address in the site file/,
  },
  {
    name: 'request-refused',
    sick: observedNode()
      .dhcp('ipxe', 'request', 'refused')
      .pass(95 * second),
    sound: observedNode()
      .dhcp('ipxe', 'request', 'refused')
      .pass(5 * second),
    saw: 'its DHCP request was refused once',
    advice: /connected to/,
  },
  {
    name: 'other-dhcp-server',
    sick: observedNode().discover('firmware').pass(2000).acceptsOther('firmware'),
    sound: observedNode().acceptsOther('firmware').pass(60_000).asks('firmware'),
    saw: 'accepted the offer of another DHCP server (172.16.0.7)',
    advice: /turn it off on this network/,
  },
  {
    name: 'other-dhcp-server',
    sick: observedNode().acceptsOther('firmware').pass(60_000).discover('firmware'),
    sound: observedNode().discover('firmware'),
    saw: 'accepted the offer of another DHCP server (172.16.0.7)',
    advice: /`server.peers`/,
  },
  {
    name: 'offer-not-taken',
    sick: noOffer(observedNode()).pass(8000).discover('firmware'),
    sound: noOffer(observedNode()).pass(3000),
    saw: 'requested an address as firmware 3 times and accepted no offer',
    advice: /another DHCP server/,
  },
  {
    name: 'offer-not-taken',
    sick: observedNode()
      .asks('firmware')
      .loader('sent')
      .discover('ipxe')
      .pass(95 * second),
    sound: observedNode()
      .asks('firmware')
      .loader('sent')
      .discover('ipxe')
      .pass(20 * second),
    saw: 'requested an address as iPXE once and accepted no offer',
    advice: /portfast/,
  },
  {
    name: 'loader-not-asked',
    sick: observedNode()
      .asks('firmware')
      .pass(95 * second),
    sound: observedNode()
      .asks('firmware')
      .pass(85 * second),
    saw: 'accepted its address once and never requested its loader',
    advice: /UDP port 69.*`pxeOptions: true`/,
  },
  {
    name: 'http-loader-not-asked',
    sick: observedNode()
      .asks('http-firmware', 10, 16)
      .pass(95 * second),
    sound: observedNode()
      .asks('http-firmware', 10, 16)
      .loader('sent', { by: 'http' })
      .pass(95 * second),
    saw: 'accepted its address for HTTP Boot once and never requested its loader',
    advice: /plain HTTP/,
  },
  {
    name: 'loader-missing',
    sick: observedNode().asks('firmware').loader('missing', { file: 'arm64/ipxe.efi' }),
    sound: observedNode().asks('firmware').loader('sent').loader('missing', { file: 'efi/autoexec.ipxe' }),
    saw: 'requested arm64/ipxe.efi, which this server cannot send',
    advice: /`tftp.loaders`/,
  },
  {
    name: 'server-file-missing',
    sick: lifeUntil.script().see({
      kind: 'file',
      what: 'kernel',
      file: 'rhcos-live-kernel-x86_64',
      outcome: 'missing',
      octets: 0,
      total: 0,
      durationMs: 0,
      reason: '/srv/rhcos-live-kernel-x86_64 does not exist',
    }),
    sound: lifeUntil.script().fetches('kernel'),
    saw: 'requested rhcos-live-kernel-x86_64, which this server cannot send',
    advice: /on the server/,
  },
  {
    name: 'server-file-missing',
    sick: lifeUntil.rootfs().ignition('missing'),
    sound: lifeUntil.rootfs().ignition('missing').pass(second).ignition(),
    saw: 'requested its Ignition file (worker), which this server cannot send',
    advice: /boot the node again/,
  },
  {
    name: 'loader-only-probed',
    sick: observedNode()
      .asks('firmware')
      .loader('probed')
      .pass(121 * second),
    sound: observedNode()
      .asks('firmware')
      .loader('probed')
      .pass(5 * second),
    saw: 'requested the size of efi/ipxe.efi once and never the file',
    advice: /singlePort/,
  },
  {
    name: 'loader-blocked',
    sick: observedNode().asks('firmware').loader('aborted', { octets: 5872, durationMs: 31_000 }),
    sound: observedNode().asks('firmware').loader('aborted').loader('sent'),
    saw: 'the transfer of efi/ipxe.efi stopped after its first blocks',
    advice: /singlePort/,
  },
  {
    name: 'loader-broken',
    sick: observedNode().asks('firmware').loader('aborted', { octets: 146_800, durationMs: 31_000 }),
    sound: observedNode().asks('firmware').loader('aborted', { octets: 146_800 }).loader('sent'),
    saw: 'the transfer of efi/ipxe.efi was interrupted after 146800 bytes',
    advice: /MTU/,
  },
  {
    name: 'loader-silent-bios',
    sick: observedNode()
      .asks('firmware', 10, 0)
      .loader('sent', bios)
      .pass(121 * second),
    sound: observedNode()
      .asks('firmware', 10, 0)
      .loader('sent', bios)
      .pass(121 * second)
      .asks('ipxe'),
    saw: 'fetched bios/undionly.kpxe once and never sent a DHCP request as iPXE',
    advice: /by UEFI/,
  },
  {
    name: 'loader-refused',
    sick: observedNode()
      .asks('firmware')
      .loader('sent')
      .pass(50 * second)
      .asks('firmware')
      .loader('sent')
      .pass(31 * second),
    sound: observedNode()
      .asks('firmware')
      .loader('sent')
      .pass(31 * second),
    saw: 'fetched efi/ipxe.efi twice and never sent a DHCP request as iPXE',
    advice: /^set `loader: snponly`, or `loader: shim` for Secure Boot$/,
  },
  {
    name: 'loader-refused',
    sick: observedNode()
      .asks('firmware')
      .loader('sent', { file: 'efi/snponly.efi' })
      .pass(121 * second),
    sound: observedNode()
      .asks('firmware')
      .loader('sent', { file: 'efi/snponly.efi' })
      .pass(119 * second),
    saw: 'fetched efi/snponly.efi once and never sent a DHCP request as iPXE',
    advice: /^set `loader: ipxe`, or `loader: shim` for Secure Boot$/,
  },
  {
    name: 'script-not-asked',
    sick: observedNode()
      .pxe()
      .pass(95 * second),
    sound: observedNode()
      .pxe()
      .pass(85 * second),
    saw: 'accepted its address as iPXE once and never requested its script',
    advice: /TCP port 80/,
  },
  {
    name: 'stopped-waiting',
    sick: observedNode()
      .pxe()
      .script('wait', wait)
      .pass(3 * minute),
    sound: observedNode()
      .pxe()
      .script('wait', wait)
      .pass(1 * minute),
    saw: 'waited (the bootstrap does not serve machine configurations yet) and has not requested its script for 3 min',
    advice: /console/,
  },
  {
    name: 'stopped-waiting',
    sick: observedNode()
      .pxe()
      .script('wait')
      .pass(3 * minute),
    sound: observedNode()
      .pxe()
      .script('wait')
      .pass(3 * minute)
      .script('install'),
    saw: 'waited (not its turn yet) and has not requested its script for 3 min',
    advice: /power it on/,
  },
  {
    name: 'waits-long',
    sick: observedNode()
      .pxe()
      .script('wait', wait)
      .pass(40 * minute)
      .script('wait', wait),
    sound: observedNode()
      .pxe()
      .script('wait', wait)
      .pass(20 * minute)
      .script('wait', wait),
    saw: 'has been waiting for 40 min: the bootstrap does not serve machine configurations yet',
    advice: /`slipway status`/,
  },
  {
    name: 'waits-long',
    sick: observedNode()
      .pxe()
      .script('wait')
      .pass(40 * minute)
      .script('wait'),
    sound: observedNode()
      .pxe()
      .script('wait')
      .pass(40 * minute)
      .script('wait')
      .script('install'),
    saw: 'has been waiting for 40 min: not its turn yet',
    advice: /the key/,
  },
  {
    name: 'menu-waits',
    sick: observedNode()
      .pxe()
      .script('menu')
      .pass(12 * minute),
    sound: observedNode()
      .pxe()
      .script('menu')
      .pass(5 * minute),
    saw: 'received the menu 12 min ago, and no request followed',
    advice: /`slipway node install ocp45\/w1`/,
  },
])
