/** What a cluster says of a node has its place among the steps of the node's way, and begins no boot. */
import t from 'tap'
import { timelineOf } from '../../src/install/timeline.ts'
import { observedNode, type ObservedNode } from '../support/observed-node.ts'
import { minute, symptom } from '../support/symptom-cases.ts'
import { installer, pxe, bootLines, stepText } from '../support/timeline-lines.ts'

const joins = (life: ObservedNode) =>
  life
    .says('approved-client', { reason: 'csr-a' })
    .says('registered')
    .says('not-ready', { reason: 'no CNI' })
    .says('approved-serving', { reason: 'csr-b' })
    .pass(60_000)
    .says('ready')
const words = 'approved-client, registered, not-ready, approved-serving, ready'

const ways: { name: string; life: ObservedNode; boots: string[]; loose?: string }[] = [
  {
    name: 'reports of the cluster follow the first start',
    life: joins(observedNode().installs()),
    boots: [`network: ${pxe}, ${installer}, disk, reboot`, `disk: disk-dhcp, started, ${words}`],
  },
  {
    name: 'reports about a node with a static address follow its installer and end the disk step',
    life: joins(observedNode().script('install').fetches('rootfs').ignition().pass(300_000)),
    boots: [`network: install-script, rootfs, ignition, disk, ${words}`],
  },
  {
    name: 'reports about a node with a static address end the reboot step',
    life: joins(observedNode().ignition().callback('written').pass(300_000)),
    boots: [`network: ignition, disk, reboot, ${words}`],
  },
  {
    name: 'reports about a node that boots its disk via the network follow its script',
    life: observedNode().pxe().script('local').pass(60_000).says('ready').pxe().script('menu').says('ready'),
    boots: [`network: ${pxe}, local-script, ready`, `network: ${pxe}, menu-script, ready`],
  },
  {
    name: 'not Ready belongs to the boot before the current one',
    life: observedNode()
      .asks('system')
      .says('ready')
      .pass(9 * minute)
      .asks('firmware')
      .says('not-ready')
      .loader('sent'),
    boots: ['disk: disk-dhcp, ready, not-ready', 'network: firmware-dhcp, loader'],
  },
  {
    name: 'a late Ready does not belong to a boot without a system',
    life: observedNode()
      .asks('system')
      .pass(9 * minute)
      .asks('firmware')
      .says('ready'),
    boots: ['disk: disk-dhcp, ready', 'network: firmware-dhcp'],
  },
  {
    name: 'a node that changes often has the latest report of each kind and its count',
    life: observedNode()
      .asks('system')
      .says('ready')
      .pass(minute)
      .says('not-ready')
      .pass(minute)
      .says('ready'),
    boots: ['disk: disk-dhcp, not-ready, ready ×2'],
  },
  {
    name: 'a system that sends DHCP after not Ready has restarted',
    life: observedNode()
      .asks('system')
      .says('ready')
      .pass(9 * minute)
      .says('not-ready')
      .pass(10_000)
      .asks('system'),
    boots: ['disk: disk-dhcp, ready, not-ready', 'disk: disk-dhcp'],
  },
  {
    name: 'reports about a node without a boot are listed alone',
    life: observedNode().says('registered').says('ready').pass(minute).says('removed'),
    boots: [],
    loose: 'registered, ready, removed',
  },
  {
    name: 'reports are listed alone if a node boots later without a system',
    life: observedNode().says('ready').pass(minute).asks('firmware').says('not-ready'),
    boots: ['network: firmware-dhcp'],
    loose: 'ready, not-ready',
  },
]

for (const { name, life, boots, loose = '' } of ways) {
  t.test(name, (t) => {
    t.same(bootLines(life), boots)
    t.equal(timelineOf(life.observations).words.map(stepText).join(', '), loose)
    t.end()
  })
}

t.test('a report has the time of its cluster, limited to the range of the boot', (t) => {
  const life = observedNode()
    .asks('system')
    .pass(10 * minute)
  const began = life.observations[0]!.at
  const since = (at: number) => timelineOf(nodeLifeWith(life, at).observations).boots[0]!.steps.at(-1)
  t.match(since(began + minute), { startedAt: began + minute, endedAt: began + minute, durationMs: 0 })
  t.match(since(began - minute), { startedAt: began }, 'not before its boot')
  t.match(since(life.now() + minute), { startedAt: life.now() }, 'nor in time to come')
  const [alone] = timelineOf(observedNode().says('ready', { since: 5, reason: 'x' }).observations).words
  t.match(alone, { startedAt: 5, reason: 'x' })
  t.end()
})

function nodeLifeWith(life: ObservedNode, since: number) {
  const observations = [...life.observations]
  observations.push({ node: life.node, kind: 'cluster', word: 'ready', since, sequence: 99, at: life.now() })
  return { observations }
}

t.test('a Ready node has no symptom for missing DHCP requests or callbacks', (t) => {
  const silent = () =>
    observedNode()
      .script('install')
      .fetches('rootfs')
      .ignition()
      .pass(45 * minute)
  t.match(symptom(silent(), { usesDhcp: false }), { name: 'not-written' })
  t.equal(symptom(silent().says('ready'), { usesDhcp: false }), undefined)
  t.end()
})

t.test('a boot that stops has a symptom although the cluster reports not Ready', (t) => {
  const life = observedNode()
    .asks('system')
    .says('ready')
    .pass(9 * minute)
    .asks('firmware')
    .loader('sent')
  t.match(symptom(life.says('not-ready').pass(3 * minute)), { name: 'loader-refused' })
  t.end()
})
