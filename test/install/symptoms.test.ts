import t from 'tap'
import type { NodeRecord } from '../../src/install/installs.ts'
import { observedNode } from '../support/observed-node.ts'
import { lifeUntil, minute, symptom, wait } from '../support/symptom-cases.ts'

t.test('a node with a static address sends no DHCP request when it boots from its disk', (t) => {
  const local = observedNode()
    .pxe()
    .script('local')
    .pass(30_000)
    .pxe()
    .script('local')
    .pass(60 * minute)
  t.equal(symptom(local, { usesDhcp: false }), undefined)
  t.end()
})

t.test('a node that waits, installs, and starts never has a symptom', (t) => {
  const life = observedNode()
  life.pxe()
  for (let asked = 0; asked < 100; asked++) life.script('wait', wait).pass(5000)
  life.installer('master').pass(95_000).callback('written').pass(70_000).asks('system').callback('started')
  for (let length = 1; length <= life.observations.length; length++) {
    const seen = life.observations.slice(0, length)
    const now = (life.observations[length] ?? seen.at(-1)!).at
    t.equal(symptom({ ...life, observations: seen, now: () => now }), undefined, `${length} seen`)
  }
  t.equal(symptom(life.pass(30 * 24 * 60 * minute)), undefined, 'a month later')
  t.end()
})

t.test('the symptom of two boots remains while the third boot starts', (t) => {
  const life = observedNode()
    .asks('firmware')
    .loader('sent')
    .pass(40_000)
    .asks('firmware')
    .loader('sent')
    .pass(40_000)
  life.discover('firmware')
  t.match(symptom(life), {
    name: 'loader-refused',
    saw: 'fetched efi/ipxe.efi twice and never sent a DHCP request as iPXE',
  })
  t.equal(symptom(life.pass(10).loader('sent').pass(10).asks('ipxe')), undefined)
  t.end()
})

t.test('a boot that stops has a symptom although earlier boots succeeded', (t) => {
  const boots = observedNode()
    .pxe()
    .script('local')
    .asks('system')
    .pass(9 * minute)
    .pxe()
    .script('local')
    .asks('system')
  const life = boots
    .pass(9 * minute)
    .asks('firmware')
    .loader('sent')
    .pass(3 * minute)
  t.match(symptom(life), { name: 'loader-refused' })
  t.end()
})

t.test('a node that was never seen has no symptom', (t) => {
  t.equal(symptom(observedNode(), { record: { mode: 'install' } }), undefined)
  t.end()
})

t.test('gave-up: the reason comes from the record', (t) => {
  const reason = '3 attempts failed'
  t.match(symptom(observedNode().pxe(), { record: { mode: 'failed', reason } }), {
    name: 'gave-up',
    saw: '3 attempts failed, and slipway does not try again automatically',
    advice: /`slipway node show ocp45\/w1`/,
  })
  t.end()
})

t.test('armed-not-seen: the node was armed and did not boot from the network', (t) => {
  const life = observedNode()
  const record: Partial<NodeRecord> = {
    mode: 'install',
    since: life.now(),
    armedUntil: life.now() + 3_600_000,
  }
  t.equal(symptom(life.pass(14 * minute), { record }), undefined)
  t.match(symptom(life.pass(6 * minute), { record }), {
    name: 'armed-not-seen',
    saw: 'was armed to install 20 min ago and has not been seen since',
    advice: /`slipway nodes seen`/,
  })
  t.equal(symptom(life, { record: { ...record, lastSeen: life.now() } }), undefined)
  t.end()
})

t.test('armed-from-disk: the node was armed and started from its disk', (t) => {
  const life = observedNode()
  const record: Partial<NodeRecord> = { mode: 'install', since: life.now() }
  life.pass(minute).asks('system')
  t.match(symptom(life, { record }), {
    name: 'armed-from-disk',
    code: 'install.armed-from-disk',
    saw: 'is set to install, and its latest boot was from its disk',
    advice: /boot order/,
  })
  t.equal(symptom(life, { record: { ...record, since: life.now() } }), undefined, 'armed after that boot')
  t.equal(symptom(life, { record: { ...record, mode: 'local' } }), undefined)
  t.end()
})

t.test('installs-again: several attempts failed', (t) => {
  const attempt = (earlier: number) => ({ attempt: { role: 'worker', startedAt: 0, earlier } }) as const
  t.equal(symptom(lifeUntil.script(), { record: attempt(1) }), undefined)
  t.match(symptom(lifeUntil.script(), { record: attempt(3) }), {
    name: 'installs-again',
    saw: 'starts its installation again and again: 3 attempts failed',
  })
  t.equal(symptom(lifeUntil.script(), { record: { ...attempt(3), mode: 'installed' } }), undefined)
  t.end()
})
