import fc from 'fast-check'
import t from 'tap'
import type { Observation } from '../../src/install/observation.ts'
import type { Step } from '../../src/install/step.ts'
import { latestStep, timelineOf } from '../../src/install/timeline.ts'
import { nodeLife, type NodeLife } from '../support/node-life.ts'

const told = ({ kind, outcome, count }: Step) =>
  `${kind}${outcome === 'done' ? '' : ` ${outcome}`}${count === 1 ? '' : ` ×${count}`}`

/** `network: loader, ipxe-dhcp offered ×2` for each boot. */
function tell(life: NodeLife): string[] {
  return timelineOf(life.observations).boots.map(
    ({ kind, steps }) => `${kind}: ${steps.map(told).join(', ')}`,
  )
}

function step(life: NodeLife, kind: Step['kind']): Step {
  const steps = timelineOf(life.observations).boots.flatMap((boot) => boot.steps)
  return steps.findLast((each) => each.kind === kind)!
}

const pxe = 'firmware-dhcp, loader, ipxe-dhcp'
const installer = 'install-script, kernel, initramfs, live-dhcp ×2, rootfs, ignition'

t.test('an installation is a boot from the network and one from the disk', (t) => {
  const life = nodeLife().installs()
  t.same(tell(life), [`network: ${pxe}, ${installer}, disk, reboot`, 'disk: disk-dhcp, started'])
  t.end()
})

t.test('each step has when it began, how long it took, and what a download brought', (t) => {
  const life = nodeLife()
  const start = life.now()
  life.installs()
  t.match(step(life, 'firmware-dhcp'), {
    startedAt: start,
    durationMs: 4000,
    what: 'x64 UEFI',
    architecture: 7,
  })
  t.match(step(life, 'loader'), {
    what: 'efi/ipxe.efi',
    by: 'tftp',
    startedAt: start + 5000,
    durationMs: 700,
    octets: 850_528,
    octetsPerSecond: 1_215_040,
  })
  t.match(step(life, 'rootfs'), {
    what: 'rhcos-live-rootfs.x86_64.img',
    durationMs: 10_240,
    octets: 1024 ** 3,
    total: 1024 ** 3,
    octetsPerSecond: 100 * 1024 ** 2,
  })
  t.match(step(life, 'install-script'), { what: 'worker', octetsPerSecond: undefined })
  t.match(step(life, 'disk'), { durationMs: 95_000 })
  t.match(step(life, 'reboot'), { durationMs: 70_000 })
  t.end()
})

const ways: { name: string; life: NodeLife; boots: string[] }[] = [
  {
    name: 'firmware that asks again while nobody answers it does one thing',
    life: nodeLife().discover('firmware').pass(4000).discover('firmware').pass(8000).discover('firmware'),
    boots: ['network: firmware-dhcp offered ×3'],
  },
  {
    name: 'the same five minutes later is another boot',
    life: nodeLife().discover('firmware').pass(301_000).discover('firmware'),
    boots: ['network: firmware-dhcp offered', 'network: firmware-dhcp offered'],
  },
  {
    name: 'firmware that falls back from PXE to HTTP Boot begins anew',
    life: nodeLife()
      .asks('firmware')
      .asks('http-firmware', 1000, 16)
      .loader('probed')
      .loader('sent', { by: 'http' }),
    boots: ['network: firmware-dhcp', 'network: http-firmware-dhcp, loader'],
  },
  {
    name: 'a loader fetched again by the next boot is that of the next boot',
    life: nodeLife().asks('firmware').loader('sent').pass(20_000).asks('firmware').loader('sent'),
    boots: ['network: firmware-dhcp, loader', 'network: firmware-dhcp, loader'],
  },
  {
    name: 'a loader fetched again by the same boot is counted, its probes are not',
    life: nodeLife().asks('firmware').loader('probed').loader('sent').loader('probed').loader('sent'),
    boots: ['network: firmware-dhcp, loader ×2'],
  },
  {
    name: 'a loader of which only the size was ever wanted',
    life: nodeLife().asks('firmware').loader('probed').loader('probed'),
    boots: ['network: firmware-dhcp, loader probed ×2'],
  },
  {
    name: 'what iPXE looks for beside itself and does without is no step',
    life: nodeLife().asks('firmware').loader('sent').loader('missing', { file: 'efi/autoexec.ipxe' }),
    boots: ['network: firmware-dhcp, loader'],
  },
  {
    name: "a network card's own iPXE asks as iPXE from the start",
    life: nodeLife().asks('ipxe').script('local').pass(60_000).asks('ipxe').script('local'),
    boots: ['network: ipxe-dhcp, local-script', 'network: ipxe-dhcp, local-script'],
  },
  {
    name: 'iPXE that got its address and comes again after long is another boot',
    life: nodeLife().asks('ipxe').pass(400_000).asks('ipxe'),
    boots: ['network: ipxe-dhcp', 'network: ipxe-dhcp'],
  },
  {
    name: 'waiting is one step for each reason, and over when the script comes',
    life: nodeLife()
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
    name: 'a node that was switched off while it waited',
    life: nodeLife().pxe().script('wait', { reason: 'x' }).pass(10_000).pxe(),
    boots: [`network: ${pxe}, wait-script aborted`, `network: ${pxe}`],
  },
  {
    name: 'the menu, and a person who chose the disk',
    life: nodeLife().pxe().script('menu').pass(20_000).asks('system'),
    boots: [`network: ${pxe}, menu-script, disk-dhcp`],
  },
  {
    name: 'the disk by way of the network',
    life: nodeLife().pxe().script('local').pass(30_000).asks('system').pass(20_000).asks('system'),
    boots: [`network: ${pxe}, local-script, disk-dhcp ×2`],
  },
  {
    name: 'firmware that gave up on the network and went to its disk',
    life: nodeLife().discover('firmware').pass(60_000).asks('system'),
    boots: ['network: firmware-dhcp offered, disk-dhcp'],
  },
  {
    name: 'boots from the disk, one soon after the other',
    life: nodeLife().asks('system').pass(30_000).asks('system').pass(180_000).asks('system'),
    boots: ['disk: disk-dhcp ×2', 'disk: disk-dhcp'],
  },
  {
    name: 'a lease that is prolonged is nothing',
    life: nodeLife().asks('system').pass(1_800_000).see({
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
    name: 'a kernel that broke off is fetched again',
    life: nodeLife()
      .pxe()
      .script('install', { role: 'worker' })
      .file('kernel', 'begun', 0, 0)
      .file('kernel', 'aborted', 70_000, 3000)
      .fetches('kernel'),
    boots: [`network: ${pxe}, install-script, kernel ×2`],
  },
  {
    name: 'a script that goes from its start again adds no steps',
    life: nodeLife()
      .pxe()
      .script('install')
      .file('kernel', 'aborted', 0, 10)
      .file('kernel', 'aborted', 0, 10)
      .script('install')
      .file('kernel', 'aborted', 0, 10),
    boots: [`network: ${pxe}, install-script ×2, kernel aborted ×3`],
  },
  {
    name: 'a download is under way until it is not',
    life: nodeLife()
      .pxe()
      .script('install')
      .file('kernel', 'begun', 0, 0)
      .file('kernel', 'under-way', 5_000_000, 900),
    boots: [`network: ${pxe}, install-script, kernel under-way`],
  },
  {
    name: 'a download of which nothing more was heard broke off',
    life: nodeLife()
      .pxe()
      .script('install')
      .fetches('kernel')
      .file('initramfs', 'under-way', 9, 900)
      .pass(60_000)
      .pxe(),
    boots: [`network: ${pxe}, install-script, kernel, initramfs aborted`, `network: ${pxe}`],
  },
  {
    name: 'a download that slipway was restarted under',
    life: nodeLife()
      .fetches('initramfs')
      .asks('system')
      .file('rootfs', 'under-way', 9, 900)
      .asks('system')
      .ignition(),
    boots: ['network: initramfs, live-dhcp ×2, rootfs aborted, ignition, disk under-way'],
  },
  {
    name: 'an initramfs that broke off starts no live system',
    life: nodeLife().script('install').fetches('kernel').file('initramfs', 'aborted', 9, 900).asks('system'),
    boots: ['network: install-script, kernel, initramfs aborted, disk-dhcp'],
  },
  {
    name: 'the installer of 4.5 fetches a metal image',
    life: nodeLife()
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
    name: 'Ignition for the live system is no beginning of writing',
    life: nodeLife()
      .fetches('initramfs')
      .asks('system')
      .ignition('sent', { role: 'live' })
      .asks('system')
      .ignition(),
    boots: ['network: initramfs, live-dhcp ×2, ignition, ignition, disk under-way'],
  },
  {
    name: 'a reader that is refused does not undo what was given',
    life: nodeLife().fetches('rootfs').ignition().ignition('refused', { reason: 'its token is used up' }),
    boots: ['network: rootfs, ignition, disk under-way, ignition refused'],
  },
  {
    name: 'an installed system may read Ignition too, and writes no disk for that',
    life: nodeLife().asks('system').ignition(),
    boots: ['disk: disk-dhcp, ignition'],
  },
  {
    name: 'an installer that gave up',
    life: nodeLife().fetches('rootfs').ignition().pass(9000).callback('failed'),
    boots: ['network: rootfs, ignition, disk aborted, failed'],
  },
  {
    name: 'an installer that gave up before anything else was seen of it',
    life: nodeLife().callback('failed'),
    boots: ['network: failed'],
  },
  {
    name: 'the word of the disk alone',
    life: nodeLife().callback('written'),
    boots: ['network: disk, reboot under-way'],
  },
  {
    name: 'a word that comes twice is one of two',
    life: nodeLife().ignition().callback('written').callback('written'),
    boots: ['network: ignition, disk ×2, reboot under-way'],
  },
  {
    name: 'a first start with a static address, after which nothing asks DHCP',
    life: nodeLife().ignition().callback('written').pass(60_000).callback('started'),
    boots: ['network: ignition, disk, reboot', 'disk: started'],
  },
  {
    name: 'after the disk the network again, and from there to the disk',
    life: nodeLife()
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
    name: 'an interrupted installation, and the next one',
    life: nodeLife().pxe().installer().pass(10_000).pxe().installer().callback('written'),
    boots: [
      `network: ${pxe}, ${installer}, disk unconfirmed`,
      `network: ${pxe}, ${installer}, disk, reboot under-way`,
    ],
  },
  {
    name: 'steps that come from further back than the boot are another boot, whatever was missed',
    life: nodeLife()
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
    t.same(tell(life), boots)
    t.end()
  })
}

t.test('an architecture that nobody knows is told by its number, one that is not said by nothing', (t) => {
  t.equal(step(nodeLife().asks('firmware', 10, 4711), 'firmware-dhcp').what, 'architecture 4711')
  const silent = nodeLife().dhcp('firmware', 'discover', 'nothing-to-boot')
  t.match(step(silent, 'firmware-dhcp'), { what: '', outcome: 'nothing-to-boot', architecture: undefined })
  t.match(step(nodeLife().dhcp('system', 'request', 'refused'), 'disk-dhcp'), { outcome: 'refused' })
  t.match(step(nodeLife().dhcp('system', 'request', 'nothing-to-boot'), 'disk-dhcp'), { outcome: 'done' })
  t.end()
})

t.test('a clock that is set back makes no step negative, and loses none', (t) => {
  const life = nodeLife()
    .pxe()
    .pass(-3_600_000)
    .installer()
    .pass(-60_000)
    .callback('written')
    .pass(-1)
    .asks('system')
  const { boots } = timelineOf(life.observations)
  t.same(tell(life), [`network: ${pxe}, ${installer}, disk, reboot`, 'disk: disk-dhcp'])
  for (const { startedAt, endedAt, steps } of boots) {
    t.ok(endedAt >= startedAt)
    for (const each of steps) t.ok(each.durationMs >= 0 && each.endedAt >= each.startedAt, each.kind)
  }
  t.end()
})

t.test('commands stand beside the boots', (t) => {
  const life = nodeLife().command('install')
  const at = life.now()
  t.same(timelineOf(life.observations), { boots: [], commands: [{ at, command: 'install' }] })
  t.end()
})

t.test('the latest step is the one that was seen last, not the one that began last', (t) => {
  const latest = (life: NodeLife) => told(latestStep(timelineOf(life.observations).boots.at(-1)!))
  t.equal(latest(nodeLife().script('install').fetches('kernel').script('install')), 'install-script ×2')
  t.equal(latest(nodeLife().loader('sent').loader('probed')), 'loader')
  t.equal(latest(nodeLife().ignition()), 'disk under-way')
  t.end()
})

t.test('whatever is seen, in whatever order: every sight has its step, and counts add up', (t) => {
  const acts: readonly ((life: NodeLife) => NodeLife)[] = [
    (life) => life.discover('firmware'),
    (life) => life.asks('http-firmware'),
    (life) => life.loader('sent'),
    (life) => life.loader('probed'),
    (life) => life.asks('ipxe'),
    (life) => life.script('wait', { reason: 'x' }),
    (life) => life.script('install'),
    (life) => life.script('local'),
    (life) => life.fetches('kernel'),
    (life) => life.file('initramfs', 'aborted', 1, 1),
    (life) => life.fetches('initramfs'),
    (life) => life.file('rootfs', 'under-way', 1, 1),
    (life) => life.asks('system'),
    (life) => life.ignition(),
    (life) => life.callback('written'),
    (life) => life.callback('started'),
    (life) => life.callback('failed'),
    (life) => life.pass(400_000),
    (life) => life.pass(-400_000),
  ]
  const act = fc.nat(acts.length - 1)
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (choices) => {
      const life = choices.reduce((before, choice) => acts[choice]!(before), nodeLife())
      const { boots } = timelineOf(life.observations)
      const steps = boots.flatMap((boot) => boot.steps)
      const last = life.observations.at(-1) as Observation | undefined
      if (last !== undefined && !steps.some(({ sequence }) => sequence === last.sequence)) return false
      return (
        steps.every(
          ({ count, durationMs, endedAt, startedAt }) => count > 0 && durationMs >= 0 && endedAt >= startedAt,
        ) && boots.slice(0, -1).every((boot) => boot.steps.every(({ outcome }) => outcome !== 'under-way'))
      )
    }),
    { numRuns: 300 },
  )
  t.end()
})
