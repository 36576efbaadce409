import t from 'tap'
import type { NodeRecord } from '../../src/install/installs.ts'
import { symptomOf } from '../../src/install/symptoms.ts'
import { timelineOf } from '../../src/install/timeline.ts'
import { nodeLife, type NodeLife } from '../support/node-life.ts'

const second = 1000
const minute = 60 * second

const plain: NodeRecord = {
  node: 'ocp45/w1',
  mode: 'installing',
  since: 0,
  reason: 'it was given its script',
}

function symptom(life: NodeLife, more: { record?: Partial<NodeRecord>; usesDhcp?: boolean } = {}) {
  const timeline = timelineOf(life.observations)
  const { record = {}, usesDhcp = true } = more
  return symptomOf({ record: { ...plain, ...record }, usesDhcp, timeline, now: life.now() })
}

/** A life that ends in the symptom; `sound`: one that looks alike and has nothing wrong, or nothing yet. */
type Case = {
  readonly name: string
  readonly sick: NodeLife
  readonly sound: NodeLife
  readonly usesDhcp?: boolean
  readonly saw: string
  readonly advice: RegExp
}

const wait = { reason: 'the bootstrap does not serve machine configurations yet' }
const script = (life = nodeLife()) => life.pxe().script('install', { role: 'worker' })
const initramfs = () => script().fetches('kernel').fetches('initramfs')
const rootfs = () => initramfs().asks('system').fetches('rootfs')
const bios = { file: 'bios/undionly.kpxe' }
const noOffer = (life: NodeLife) => life.discover('firmware').pass(4000).discover('firmware')

const cases: readonly Case[] = [
  {
    name: 'no-loader-for-architecture',
    sick: nodeLife().dhcp('firmware', 'discover', 'nothing-to-boot', 27),
    sound: nodeLife().asks('firmware', 10, 9),
    saw: 'its firmware asked for a loader (riscv64 UEFI) and there is none for it',
    advice: /x64 or arm64 UEFI/,
  },
  {
    name: 'no-loader-for-architecture',
    sick: nodeLife().dhcp('firmware', 'discover', 'nothing-to-boot'),
    sound: nodeLife().asks('system'),
    saw: 'its firmware asked for a loader (of no architecture that it named) and there is none for it',
    advice: /slipway explain/,
  },
  {
    name: 'request-refused',
    sick: nodeLife().dhcp('system', 'request', 'refused').pass(9000).dhcp('system', 'request', 'refused'),
    sound: nodeLife().dhcp('system', 'request', 'refused').pass(10).asks('system'),
    saw: 'its DHCP request was refused twice',
    advice: /address in the site file/,
  },
  {
    name: 'request-refused',
    sick: nodeLife()
      .dhcp('ipxe', 'request', 'refused')
      .pass(95 * second),
    sound: nodeLife()
      .dhcp('ipxe', 'request', 'refused')
      .pass(5 * second),
    saw: 'its DHCP request was refused once',
    advice: /plugged into/,
  },
  {
    name: 'offer-not-taken',
    sick: noOffer(nodeLife()).pass(8000).discover('firmware'),
    sound: noOffer(nodeLife()).pass(3000),
    saw: 'asked DHCP as firmware 3 times and took no offer',
    advice: /another DHCP server/,
  },
  {
    name: 'offer-not-taken',
    sick: nodeLife()
      .asks('firmware')
      .loader('sent')
      .discover('ipxe')
      .pass(95 * second),
    sound: nodeLife()
      .asks('firmware')
      .loader('sent')
      .discover('ipxe')
      .pass(20 * second),
    saw: 'asked DHCP as iPXE once and took no offer',
    advice: /portfast/,
  },
  {
    name: 'loader-not-asked',
    sick: nodeLife()
      .asks('firmware')
      .pass(95 * second),
    sound: nodeLife()
      .asks('firmware')
      .pass(85 * second),
    saw: 'took its address once and never asked for its loader',
    advice: /UDP port 69.*`pxeOptions: true`/,
  },
  {
    name: 'http-loader-not-asked',
    sick: nodeLife()
      .asks('http-firmware', 10, 16)
      .pass(95 * second),
    sound: nodeLife()
      .asks('http-firmware', 10, 16)
      .loader('sent', { by: 'http' })
      .pass(95 * second),
    saw: 'took its address for HTTP Boot once and never asked for its loader',
    advice: /plain HTTP/,
  },
  {
    name: 'loader-missing',
    sick: nodeLife().asks('firmware').loader('missing', { file: 'arm64/ipxe.efi' }),
    sound: nodeLife().asks('firmware').loader('sent').loader('missing', { file: 'efi/autoexec.ipxe' }),
    saw: 'asked for arm64/ipxe.efi, which is not there',
    advice: /`tftp.loaders`/,
  },
  {
    name: 'loader-only-probed',
    sick: nodeLife()
      .asks('firmware')
      .loader('probed')
      .pass(121 * second),
    sound: nodeLife()
      .asks('firmware')
      .loader('probed')
      .pass(5 * second),
    saw: 'asked for the size of efi/ipxe.efi once and never fetched it',
    advice: /singlePort/,
  },
  {
    name: 'loader-blocked',
    sick: nodeLife().asks('firmware').loader('aborted', { octets: 5872, durationMs: 31_000 }),
    sound: nodeLife().asks('firmware').loader('aborted').loader('sent'),
    saw: 'the transfer of efi/ipxe.efi ended after its first blocks',
    advice: /singlePort/,
  },
  {
    name: 'loader-broken',
    sick: nodeLife().asks('firmware').loader('aborted', { octets: 146_800, durationMs: 31_000 }),
    sound: nodeLife().asks('firmware').loader('aborted', { octets: 146_800 }).loader('sent'),
    saw: 'the transfer of efi/ipxe.efi broke off after 146800 octets',
    advice: /MTU/,
  },
  {
    name: 'loader-silent-bios',
    sick: nodeLife()
      .asks('firmware', 10, 0)
      .loader('sent', bios)
      .pass(121 * second),
    sound: nodeLife()
      .asks('firmware', 10, 0)
      .loader('sent', bios)
      .pass(121 * second)
      .asks('ipxe'),
    saw: 'fetched bios/undionly.kpxe once, never asked DHCP as iPXE',
    advice: /by UEFI/,
  },
  {
    name: 'loader-refused',
    sick: nodeLife()
      .asks('firmware')
      .loader('sent')
      .pass(50 * second)
      .asks('firmware')
      .loader('sent')
      .pass(31 * second),
    sound: nodeLife()
      .asks('firmware')
      .loader('sent')
      .pass(31 * second),
    saw: 'fetched efi/ipxe.efi twice, never asked DHCP as iPXE',
    advice: /^try `loader: snponly`, or turn Secure Boot off$/,
  },
  {
    name: 'loader-refused',
    sick: nodeLife()
      .asks('firmware')
      .loader('sent', { file: 'efi/snponly.efi' })
      .pass(121 * second),
    sound: nodeLife()
      .asks('firmware')
      .loader('sent', { file: 'efi/snponly.efi' })
      .pass(119 * second),
    saw: 'fetched efi/snponly.efi once, never asked DHCP as iPXE',
    advice: /^try `loader: ipxe`, or turn Secure Boot off$/,
  },
  {
    name: 'script-not-asked',
    sick: nodeLife()
      .pxe()
      .pass(95 * second),
    sound: nodeLife()
      .pxe()
      .pass(85 * second),
    saw: 'took its address as iPXE once and never asked for its script',
    advice: /TCP port 80/,
  },
  {
    name: 'stopped-waiting',
    sick: nodeLife()
      .pxe()
      .script('wait', wait)
      .pass(3 * minute),
    sound: nodeLife()
      .pxe()
      .script('wait', wait)
      .pass(1 * minute),
    saw: 'waited (the bootstrap does not serve machine configurations yet) and has not asked for 3 min',
    advice: /console/,
  },
  {
    name: 'stopped-waiting',
    sick: nodeLife()
      .pxe()
      .script('wait')
      .pass(3 * minute),
    sound: nodeLife()
      .pxe()
      .script('wait')
      .pass(3 * minute)
      .script('install'),
    saw: 'waited (for its turn) and has not asked for 3 min',
    advice: /power it on/,
  },
  {
    name: 'waits-long',
    sick: nodeLife()
      .pxe()
      .script('wait', wait)
      .pass(40 * minute)
      .script('wait', wait),
    sound: nodeLife()
      .pxe()
      .script('wait', wait)
      .pass(20 * minute)
      .script('wait', wait),
    saw: 'has been waiting for 40 min: the bootstrap does not serve machine configurations yet',
    advice: /`slipway status`/,
  },
  {
    name: 'waits-long',
    sick: nodeLife()
      .pxe()
      .script('wait')
      .pass(40 * minute)
      .script('wait'),
    sound: nodeLife()
      .pxe()
      .script('wait')
      .pass(40 * minute)
      .script('wait')
      .script('install'),
    saw: 'has been waiting for 40 min: for its turn',
    advice: /a key/,
  },
  {
    name: 'menu-waits',
    sick: nodeLife()
      .pxe()
      .script('menu')
      .pass(12 * minute),
    sound: nodeLife()
      .pxe()
      .script('menu')
      .pass(5 * minute),
    saw: 'was given the menu 12 min ago, and nothing followed',
    advice: /`slipway node install ocp45\/w1`/,
  },
  {
    name: 'cannot-install',
    sick: nodeLife().pxe().script('failed', { reason: 'images/rootfs.img is not there' }),
    sound: nodeLife().pxe().script('failed', { reason: 'images/rootfs.img is not there' }).script('install'),
    saw: 'its network boot ended with: images/rootfs.img is not there',
    advice: /reload slipway/,
  },
  {
    name: 'cannot-install',
    sick: nodeLife().pxe().script('failed'),
    sound: nodeLife().pxe().script('local'),
    saw: 'its network boot ended with: it cannot be installed',
    advice: /slipway check/,
  },
  {
    name: 'kernel-not-asked',
    sick: script().pass(61 * second),
    sound: script().pass(59 * second),
    saw: 'was given its script once and never asked for the kernel',
    advice: /last lines on its console/,
  },
  {
    name: 'download-stalled',
    sick: initramfs()
      .asks('system')
      .file('rootfs', 'under-way', 450 * 1024 ** 2, 4000)
      .pass(2 * minute),
    sound: initramfs()
      .asks('system')
      .file('rootfs', 'under-way', 450 * 1024 ** 2, 4000)
      .pass(30 * second),
    saw: 'rhcos-live-rootfs.x86_64.img stands still at 43 % for 2 min',
    advice: /switch port/,
  },
  {
    name: 'kernel-broken',
    sick: script()
      .file('kernel', 'aborted', 7 * 1024 ** 2, 900)
      .file('kernel', 'aborted', 7 * 1024 ** 2, 900),
    sound: script()
      .file('kernel', 'aborted', 7 * 1024 ** 2, 900)
      .pass(2000),
    saw: 'the download of rhcos-live-kernel-x86_64 broke off at 50 %, twice',
    advice: /2 GiB/,
  },
  {
    name: 'initramfs-not-asked',
    sick: script()
      .fetches('kernel')
      .pass(61 * second),
    sound: script().fetches('kernel').pass(1000).file('initramfs', 'begun', 0, 0).pass(10_000),
    saw: 'fetched the kernel once and never asked for the initramfs',
    advice: /architecture/,
  },
  {
    name: 'no-live-dhcp',
    sick: initramfs().pass(6 * minute),
    sound: initramfs().pass(4 * minute),
    saw: 'fetched kernel and initramfs once, and no system asked DHCP after',
    advice: /`console`/,
  },
  {
    name: 'no-live-dhcp',
    sick: initramfs()
      .pass(40 * second)
      .pxe()
      .script('install')
      .fetches('kernel')
      .fetches('initramfs')
      .pass(80 * second),
    sound: initramfs().pass(80 * second),
    saw: 'fetched kernel and initramfs twice, and no system asked DHCP after',
    advice: /memory/,
  },
  {
    name: 'live-silent',
    sick: initramfs().pass(6 * minute),
    sound: initramfs().pass(20_000).fetches('rootfs'),
    usesDhcp: false,
    saw: 'fetched kernel and initramfs once, and nothing was heard of it since',
    advice: /`ip=`/,
  },
  {
    name: 'live-offer-not-taken',
    sick: initramfs().discover('system').pass(3000).discover('system').pass(3000).discover('system'),
    sound: initramfs().asks('system'),
    saw: 'its live system asked DHCP 3 times and took no offer',
    advice: /`ip=CARD:dhcp`/,
  },
  {
    name: 'rootfs-not-asked',
    sick: initramfs()
      .asks('system')
      .pass(6 * minute),
    sound: initramfs()
      .asks('system')
      .pass(4 * minute),
    saw: 'its live system took its address and never asked for the rootfs',
    advice: /`gateway`/,
  },
  {
    name: 'rootfs-broken',
    sick: initramfs()
      .asks('system')
      .file('rootfs', 'aborted', 900 * 1024 ** 2, 9000)
      .pass(11 * second),
    sound: initramfs()
      .asks('system')
      .file('rootfs', 'aborted', 900 * 1024 ** 2, 9000)
      .fetches('rootfs'),
    saw: 'the download of the rootfs broke off at 87 %',
    advice: /more memory/,
  },
  {
    name: 'rootfs-again',
    sick: rootfs().fetches('rootfs').fetches('rootfs'),
    sound: rootfs(),
    saw: 'fetched the rootfs 3 times without going on',
    advice: /one release/,
  },
  {
    name: 'rootfs-again',
    sick: rootfs()
      .pass(minute)
      .pxe()
      .script('install')
      .fetches('initramfs')
      .asks('system')
      .fetches('rootfs')
      .pass(3 * minute),
    sound: rootfs().pass(3 * minute),
    saw: 'fetched the rootfs twice without going on',
    advice: /memory/,
  },
  {
    name: 'metal-broken',
    sick: initramfs()
      .see({
        ...{ kind: 'file', what: 'metal', file: 'metal.raw.gz', outcome: 'aborted' },
        ...{ octets: 4096, total: 0, durationMs: 10 },
      })
      .pass(11 * second),
    sound: initramfs().fetches('metal'),
    saw: 'the download of the metal image broke off at 4096 octets',
    advice: /`disk`/,
  },
  {
    name: 'ignition-not-asked',
    sick: rootfs()
      .pass(5000)
      .asks('system')
      .pass(11 * minute),
    sound: rootfs()
      .pass(5000)
      .asks('system')
      .ignition()
      .pass(11 * minute),
    saw: 'its live system runs and never asked for its Ignition file',
    advice: /`lsblk`/,
  },
  {
    name: 'ignition-not-asked',
    sick: initramfs()
      .asks('system')
      .fetches('metal')
      .pass(11 * minute),
    sound: initramfs()
      .asks('system')
      .fetches('metal')
      .pass(9 * minute),
    saw: 'its live system runs and never asked for its Ignition file',
    advice: /`disk`/,
  },
  {
    name: 'ignition-refused',
    sick: rootfs().ignition('refused', { reason: 'the token was used already' }),
    sound: rootfs().ignition('refused', { reason: 'the token was used already' }).ignition(),
    saw: 'its Ignition file was refused once: the token was used already',
    advice: /`slipway node install ocp45\/w1`/,
  },
  {
    name: 'ignition-refused',
    sick: rootfs().ignition('refused'),
    sound: rootfs().ignition(),
    saw: 'its Ignition file was refused once: it may not read it now',
    advice: /static addressing/,
  },
  {
    name: 'ignition-broken',
    sick: rootfs()
      .ignition('aborted')
      .pass(11 * second),
    sound: rootfs()
      .ignition('aborted')
      .pass(5 * second)
      .ignition(),
    saw: 'the download of its Ignition file (worker) broke off',
    advice: /console/,
  },
  {
    name: 'not-written',
    sick: rootfs()
      .ignition()
      .pass(35 * minute),
    sound: rootfs()
      .ignition()
      .pass(25 * minute),
    saw: 'read its Ignition file 35 min ago and did not report that its disk is written',
    advice: /coreos-installer/,
  },
  {
    name: 'installer-failed',
    sick: rootfs().ignition().pass(30_000).callback('failed'),
    sound: rootfs().ignition().pass(30_000).callback('written'),
    saw: 'its installer gave up',
    advice: /`slipway node install ocp45\/w1`/,
  },
  {
    name: 'not-rebooted',
    sick: rootfs()
      .ignition()
      .callback('written')
      .pass(20 * minute),
    sound: rootfs()
      .ignition()
      .callback('written')
      .pass(10 * minute),
    saw: 'wrote its disk 20 min ago, and nothing was heard of it since',
    advice: /boot order/,
  },
  {
    name: 'disk-does-not-boot',
    sick: nodeLife().pxe().script('local').pass(30_000).pxe().script('local'),
    sound: nodeLife().pxe().script('local').pass(30_000).asks('system').pass(90_000).pxe().script('local'),
    saw: 'was sent to its disk twice and booted from the network again',
    advice: /boot order/,
  },
  {
    name: 'disk-silent',
    sick: nodeLife()
      .pxe()
      .script('local')
      .pass(12 * minute),
    sound: nodeLife()
      .pxe()
      .script('local')
      .pass(5 * minute),
    saw: 'was sent to its disk 12 min ago, and no system asked DHCP after',
    advice: /console/,
  },
]

for (const { name, sick, sound, usesDhcp = true, saw, advice } of cases) {
  t.test(`${name}: ${saw}`, (t) => {
    t.match(symptom(sick, { usesDhcp }), { name, saw, advice })
    t.equal(symptom(sound, { usesDhcp }), undefined, 'what looks alike and is sound')
    t.end()
  })
}

t.test('a node with a static address is not missed at DHCP when it boots from its disk', (t) => {
  const local = nodeLife()
    .pxe()
    .script('local')
    .pass(30_000)
    .pxe()
    .script('local')
    .pass(60 * minute)
  t.equal(symptom(local, { usesDhcp: false }), undefined)
  t.end()
})

t.test('a node that installs, waits its turn and starts has nothing wrong at any moment', (t) => {
  const life = nodeLife()
  life.pxe()
  for (let asked = 0; asked < 100; asked++) life.script('wait', wait).pass(5000)
  life.installer('master').pass(95_000).callback('written').pass(70_000).asks('system').callback('started')
  for (let length = 1; length <= life.observations.length; length++) {
    const seen = life.observations.slice(0, length)
    const now = (life.observations[length] ?? seen.at(-1)!).at
    t.equal(
      symptomOf({ record: plain, usesDhcp: true, timeline: timelineOf(seen), now }),
      undefined,
      `${length} seen`,
    )
  }
  t.equal(symptom(life.pass(30 * 24 * 60 * minute)), undefined, 'a month later')
  t.end()
})

t.test('what ended two boots is still said while the third is on its way there', (t) => {
  const life = nodeLife()
    .asks('firmware')
    .loader('sent')
    .pass(40_000)
    .asks('firmware')
    .loader('sent')
    .pass(40_000)
  life.discover('firmware')
  t.match(symptom(life), {
    name: 'loader-refused',
    saw: 'fetched efi/ipxe.efi twice, never asked DHCP as iPXE',
  })
  t.equal(symptom(life.pass(10).loader('sent').pass(10).asks('ipxe')), undefined)
  t.end()
})

t.test('a node that was never seen has no symptom', (t) => {
  t.equal(symptom(nodeLife(), { record: { mode: 'install' } }), undefined)
  t.end()
})

t.test('gave-up: the reason is the record’s, whatever was seen', (t) => {
  const reason = '3 attempts came to nothing'
  t.match(symptom(nodeLife().pxe(), { record: { mode: 'failed', reason } }), {
    name: 'gave-up',
    saw: 'is not installed any more by itself: 3 attempts came to nothing',
    advice: /`slipway node show ocp45\/w1`/,
  })
  t.end()
})

t.test('armed-not-seen: a command armed it, and it did not come', (t) => {
  const life = nodeLife()
  const record: Partial<NodeRecord> = {
    mode: 'install',
    since: life.now(),
    armedUntil: life.now() + 3_600_000,
  }
  t.equal(symptom(life.pass(14 * minute), { record }), undefined)
  t.match(symptom(life.pass(6 * minute), { record }), {
    name: 'armed-not-seen',
    saw: 'was armed to install 20 min ago and not seen since',
    advice: /`slipway nodes seen`/,
  })
  t.equal(symptom(life, { record: { ...record, lastSeen: life.now() } }), undefined)
  t.end()
})

t.test('installs-again: attempts that come to nothing', (t) => {
  const attempt = (earlier: number) => ({ attempt: { role: 'worker', startedAt: 0, earlier } }) as const
  t.equal(symptom(script(), { record: attempt(1) }), undefined)
  t.match(symptom(script(), { record: attempt(3) }), {
    name: 'installs-again',
    saw: 'begins its installation again and again: 3 attempts came to nothing',
  })
  t.equal(symptom(script(), { record: { ...attempt(3), mode: 'installed' } }), undefined)
  t.end()
})
