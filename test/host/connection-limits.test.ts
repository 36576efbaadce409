import t from 'tap'
import {
  createConnectionTable,
  createEventLimiter,
  type Connection,
} from '../../src/host/connection-limits.ts'
import { fakeClock } from '../support/fake-clock.ts'

const limits = { total: 8, reserve: 2, perKnownClient: 4, perUnknownClient: 3 }

function world() {
  const closed: string[] = []
  const replaced: string[] = []
  const table = createConnectionTable({
    limits,
    isKnown: (address) => address.startsWith('node'),
    onReplaced: (address) => replaced.push(address),
  })
  const open = (address: string, name: string, isBusy = false) => {
    const connection: Connection = { isBusy: () => isBusy, close: () => closed.push(name) }
    const admission = table.admit(address, connection)
    return admission
  }
  return { table, open, closed, replaced }
}

t.test('a client over its own limit loses its idlest connection', (t) => {
  const { table, open, closed, replaced } = world()
  const [first] = ['1', '2', '3'].map((name) => open('a', name))
  if (typeof first === 'object') first.touch()
  t.type(open('a', '4'), 'object')
  t.same(closed, ['2'])
  t.same(replaced, ['a'])
  t.equal(table.size(), 3)
  t.end()
})

t.test('a client whose connections are all busy is refused', (t) => {
  const { open, closed } = world()
  for (const name of ['1', '2', '3']) open('a', name, true)
  t.equal(open('a', '4'), 'client-limit')
  t.same(closed, [])
  t.end()
})

t.test('unknown clients do not use the reserve of known ones', (t) => {
  const { table, open, closed } = world()
  for (const address of ['a', 'b']) for (const name of ['1', '2', '3']) open(address, `${address}${name}`)
  t.equal(table.size(), 6)
  t.type(open('c', 'c1'), 'object', 'replaces the idlest unknown connection')
  t.same(closed, ['a1'])
  t.type(open('node1', 'n1'), 'object')
  t.type(open('node2', 'n2'), 'object')
  t.same(closed, ['a1'], 'the reserve is free')
  t.end()
})

t.test('a known client replaces unknown ones, even busy ones', (t) => {
  const { open, closed } = world()
  for (const address of ['a', 'b']) {
    for (const name of ['1', '2', '3']) open(address, `${address}${name}`, true)
  }
  t.equal(open('c', 'c1'), 'connection-limit')
  for (const name of ['1', '2', '3', '4']) t.type(open('node1', name, true), 'object')
  t.same(closed, ['a1', 'a2'])
  t.equal(open('node1', '5'), 'client-limit')
  t.end()
})

t.test('known clients alone reach the total', (t) => {
  const { open, closed } = world()
  for (const address of ['node1', 'node2']) {
    for (const name of ['1', '2', '3', '4']) open(address, `${address} ${name}`, address === 'node1')
  }
  t.type(open('node3', '1'), 'object')
  t.same(closed, ['node2 1'])
  t.end()
})

t.test('a connection that closed leaves its slot, once', (t) => {
  const { table, open, closed } = world()
  const first = open('a', '1')
  if (typeof first !== 'object') throw new Error('not admitted')
  first.leave()
  first.leave()
  first.touch()
  t.equal(table.size(), 0)
  const kept = ['1', '2', '3', '4'].map((name) => open('a', name))
  t.same(closed, ['1'])
  const replaced = kept[0]
  if (typeof replaced === 'object') replaced.leave()
  t.equal(table.size(), 3, 'a replaced connection has left already')
  t.end()
})

t.test('events are reported at once, then in summaries', (t) => {
  const clock = fakeClock()
  const limit = createEventLimiter(clock)
  const reports: string[] = []
  const event = (kind: string) => limit(kind, (count) => reports.push(`${kind} ${count}`))
  for (let index = 0; index < 5; index++) event('a')
  event('b')
  clock.advance(10_000)
  event('a')
  t.same(reports, ['a 1', 'b 1', 'a 5'])
  t.end()
})
