import t from 'tap'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { createStrangers, RecentMap } from '../../../src/serve/dhcp/unknown-clients.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const start = Date.UTC(2026, 0, 1)
const tenMinutes = 600_000

const machine = (number: number) => ({
  mac: `02:00:00:00:${(number >>> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}` as Mac,
  vendorClass: 'PXEClient',
  architecture: 7,
  relay: undefined,
})

t.test(
  'a stranger is remembered with what it said last, and what only its firmware says, when it came and how often',
  (t) => {
    const clock = fakeClock(start)
    const strangers = createStrangers(clock)
    strangers.see(machine(1).mac, { ...machine(1), uuid: '4c4c4544-0000-4000-8080-525400000001' })
    clock.advance(4000)
    strangers.see(machine(1).mac, { ...machine(1), vendorClass: 'udhcp', architecture: undefined })
    t.same(strangers.list(), [
      {
        mac: '02:00:00:00:00:01',
        vendorClass: 'udhcp',
        architecture: undefined,
        relay: undefined,
        uuid: '4c4c4544-0000-4000-8080-525400000001',
        firstSeen: start,
        lastSeen: start + 4000,
        count: 2,
      },
    ])
    t.end()
  },
)

t.test('it is news at first, and again after ten minutes', (t) => {
  const clock = fakeClock()
  const strangers = createStrangers(clock)
  const news = [0, 4000, 8000, tenMinutes - 12_001, 1, 1].map((ms) => {
    clock.advance(ms)
    return strangers.see(machine(1).mac, machine(1))
  })
  t.same(news, [true, false, false, false, true, false])
  t.end()
})

t.test('a flood is news sixty times in ten minutes; who was left out is news afterwards', (t) => {
  const clock = fakeClock()
  const strangers = createStrangers(clock)
  const newsOf = (count: number) =>
    Array.from({ length: count }, (_, index) => strangers.see(machine(index).mac, machine(index))).filter(
      (isNews) => isNews,
    ).length
  t.equal(newsOf(100), 60)
  clock.advance(1000)
  t.equal(strangers.see(machine(99).mac, machine(99)), false)
  clock.advance(tenMinutes)
  t.equal(strangers.see(machine(99).mac, machine(99)), true)
  t.end()
})

t.test('the last 1024 are remembered, latest first', (t) => {
  const strangers = createStrangers(fakeClock())
  for (let number = 0; number < 1030; number++) strangers.see(machine(number).mac, machine(number))
  strangers.see(machine(10).mac, machine(10))
  const list = strangers.list()
  t.equal(list.length, 1024)
  t.equal(list[0]?.mac, machine(10).mac)
  t.equal(list[1]?.mac, machine(1029).mac)
  t.equal(list.at(-1)?.mac, machine(6).mac)
  t.end()
})

t.test('a map of recent things forgets what was set longest ago', (t) => {
  const recent = new RecentMap<string, number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('a', 3)
  recent.set('c', 4)
  t.same(recent.values(), [4, 3])
  t.equal(recent.get('b'), undefined)
  t.equal(recent.get('a'), 3)
  t.end()
})
