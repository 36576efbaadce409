import t from 'tap'
import type { NodeRecord } from '../../src/install/installs.ts'
import { nodeLife } from '../support/node-life.ts'
import { lifeUntil, minute, symptom, wait } from '../support/symptom-cases.ts'

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
    t.equal(symptom({ ...life, observations: seen, now: () => now }), undefined, `${length} seen`)
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

t.test('what stops a boot is said although those before it went well', (t) => {
  const boots = nodeLife()
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
  t.equal(symptom(nodeLife(), { record: { mode: 'install' } }), undefined)
  t.end()
})

t.test('gave-up: the reason is the record’s, whatever was seen', (t) => {
  const reason = '3 attempts came to nothing'
  t.match(symptom(nodeLife().pxe(), { record: { mode: 'failed', reason } }), {
    name: 'gave-up',
    saw: '3 attempts came to nothing, and it is not tried again by itself',
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
  t.equal(symptom(lifeUntil.script(), { record: attempt(1) }), undefined)
  t.match(symptom(lifeUntil.script(), { record: attempt(3) }), {
    name: 'installs-again',
    saw: 'begins its installation again and again: 3 attempts came to nothing',
  })
  t.equal(symptom(lifeUntil.script(), { record: { ...attempt(3), mode: 'installed' } }), undefined)
  t.end()
})
