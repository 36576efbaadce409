import fc from 'fast-check'
import t from 'tap'
import { nowText, stepDetail } from '../../src/install/step-text.ts'
import type { Step } from '../../src/install/step.ts'
import { latestStep, timelineOf } from '../../src/install/timeline.ts'
import { observedNode, type ObservedNode } from '../support/observed-node.ts'
import { installer, pxe, bootLines, stepText } from '../support/timeline-lines.ts'

function step(life: ObservedNode, kind: Step['kind']): Step {
  const steps = timelineOf(life.observations).boots.flatMap((boot) => boot.steps)
  return steps.findLast((each) => each.kind === kind)!
}

t.test('an installation is one boot from the network and one from the disk', (t) => {
  const life = observedNode().installs()
  t.same(bootLines(life), [`network: ${pxe}, ${installer}, disk, reboot`, 'disk: disk-dhcp, started'])
  t.end()
})

t.test('each step has its start, duration, and size', (t) => {
  const life = observedNode()
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

t.test('an active download has the rate of the last seconds, and the time of its last progress', (t) => {
  const mebi = 1024 ** 2
  const life = observedNode().installer().file('rootfs', 'begun', 0, 0)
  // 10 s at 100 MiB/s, then 20 s at 1 MiB/s, then nothing: slipway reports once a second in either case.
  const report = (seconds: number, octets: number) =>
    life.pass(1000).file('rootfs', 'under-way', octets, seconds * 1000)
  for (let second = 1; second <= 10; second++) report(second, second * 100 * mebi)
  t.match(step(life, 'rootfs'), { octetsPerSecond: 100 * mebi, progressAt: life.now() })
  for (let second = 1; second <= 20; second++) report(10 + second, (1000 + second) * mebi)
  t.match(step(life, 'rootfs'), { octetsPerSecond: mebi, progressAt: life.now() })
  const progressAt = life.now()
  for (let second = 1; second <= 4; second++) report(30 + second, 1020 * mebi)
  t.equal(nowText(step(life, 'rootfs'), life.now()), 'rootfs 99 %, 614.4 KiB/s')
  for (let second = 5; second <= 40; second++) report(30 + second, 1020 * mebi)
  t.match(step(life, 'rootfs'), { outcome: 'under-way', progressAt })
  t.equal(nowText(step(life, 'rootfs'), life.now()), 'rootfs 99 %, stalled for 40 s')
  const again = life
    .file('rootfs', 'begun', 0, 0)
    .pass(1000)
    .file('rootfs', 'under-way', 5 * mebi, 1000)
  t.match(step(again, 'rootfs'), { octetsPerSecond: 5 * mebi, progressAt: life.now() }, 'a new download')
  t.end()
})

t.test('a download without a report is stalled after 10 s', (t) => {
  const life = observedNode().installer().file('rootfs', 'begun', 0, 0).pass(1000)
  const active = step(life.file('rootfs', 'under-way', 1024 ** 2, 1000), 'rootfs')
  t.equal(nowText(active, life.now() + 9_000), 'rootfs 0 %, 1.0 MiB/s')
  t.equal(nowText(active, life.now() + 10_000), 'rootfs 0 %, stalled for 10 s')
  t.end()
})

t.test('an unknown architecture is shown as its number, and a missing one is not shown', (t) => {
  t.equal(step(observedNode().asks('firmware', 10, 4711), 'firmware-dhcp').what, 'architecture 4711')
  const silent = observedNode().dhcp('firmware', 'discover', 'nothing-to-boot')
  t.match(step(silent, 'firmware-dhcp'), { what: '', outcome: 'nothing-to-boot', architecture: undefined })
  t.match(step(observedNode().dhcp('system', 'request', 'refused'), 'disk-dhcp'), { outcome: 'refused' })
  t.match(step(observedNode().dhcp('system', 'request', 'nothing-to-boot'), 'disk-dhcp'), { outcome: 'done' })
  t.end()
})

t.test(
  'a DHCP step names the options that were ignored, and keeps the note when later messages have none',
  (t) => {
    const ignored = [
      { code: 57, text: 'option 57 with 1 octet' },
      { code: 82, text: 'sub-option 5 of option 82 with 2 octets' },
    ]
    const dhcp = { kind: 'dhcp', isFresh: true, vendorClass: '', architecture: 7 } as const
    const life = observedNode()
    life.see({ ...dhcp, asker: 'firmware', message: 'discover', answer: 'offered', ignored })
    life.see({ ...dhcp, asker: 'firmware', message: 'request', answer: 'acknowledged' })
    const noted = step(life, 'firmware-dhcp')
    t.match(noted, { outcome: 'done' })
    t.equal(
      stepDetail(noted),
      'x64 UEFI, firmware sent option 57 with 1 octet; ignored, a relay agent sent sub-option 5 of option 82 with 2 octets; ignored',
    )
    const other = observedNode().see({ ...dhcp, asker: 'ipxe', message: 'discover', answer: 'offered', ignored: ignored.slice(0, 1) }) // prettier-ignore
    t.equal(step(other, 'ipxe-dhcp').reason, 'iPXE sent option 57 with 1 octet; ignored')
    t.equal(step(observedNode().discover('firmware'), 'firmware-dhcp').reason, undefined)
    t.end()
  },
)

t.test('a clock that is set back makes no duration negative and loses no step', (t) => {
  const life = observedNode()
    .pxe()
    .pass(-3_600_000)
    .installer()
    .pass(-60_000)
    .callback('written')
    .pass(-1)
    .asks('system')
  const { boots } = timelineOf(life.observations)
  t.same(bootLines(life), [`network: ${pxe}, ${installer}, disk, reboot`, 'disk: disk-dhcp'])
  for (const { startedAt, endedAt, steps } of boots) {
    t.ok(endedAt >= startedAt)
    for (const each of steps) t.ok(each.durationMs >= 0 && each.endedAt >= each.startedAt, each.kind)
  }
  t.end()
})

t.test('commands are listed beside the boots', (t) => {
  const life = observedNode().command('install')
  const at = life.now()
  t.same(timelineOf(life.observations), { boots: [], commands: [{ at, command: 'install' }], words: [] })
  t.end()
})

t.test('the latest step has the latest observation, not the latest start', (t) => {
  const latest = (life: ObservedNode) => stepText(latestStep(timelineOf(life.observations).boots.at(-1)!))
  t.equal(latest(observedNode().script('install').fetches('kernel').script('install')), 'install-script ×2')
  t.equal(latest(observedNode().loader('sent').loader('probed')), 'loader')
  t.equal(latest(observedNode().ignition()), 'disk under-way')
  t.end()
})

t.test('in any order of observations, each has its step, and the counts add up', (t) => {
  const acts: readonly ((life: ObservedNode) => ObservedNode)[] = [
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
      const life = choices.reduce((before, choice) => acts[choice]!(before), observedNode())
      const { boots } = timelineOf(life.observations)
      const steps = boots.flatMap((boot) => boot.steps)
      const last = life.observations.at(-1)
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

t.test('a step names the other DHCP server whose offer the node accepted', (t) => {
  const life = observedNode().discover('firmware').pass(2000).acceptsOther('firmware')
  const elsewhere = 'x64 UEFI, offer not accepted, accepted the offer of another DHCP server (172.16.0.7)'
  t.equal(stepDetail(step(life, 'firmware-dhcp')), elsewhere)
  t.equal(stepDetail(step(life.pass(60_000).discover('firmware'), 'firmware-dhcp')), elsewhere)
  t.equal(stepDetail(step(life.dhcp('firmware', 'request', 'acknowledged', 7), 'firmware-dhcp')), 'x64 UEFI')
  t.end()
})
