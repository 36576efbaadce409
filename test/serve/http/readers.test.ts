import t from 'tap'
import { fakeClock } from '../../support/fake-clock.ts'
import { createReaders, type Reader } from '../../../src/serve/http/readers.ts'

function world() {
  const clock = fakeClock()
  const closed: string[] = []
  const held = new Map<string, number>()
  const readers = createReaders({
    limits: { heldBytes: 3, perKnownClient: 2, perUnknownClient: 2, unknown: 5, stalledMs: 100 },
    clock,
    heldBytes: () => [...held.values()].reduce((sum, bytes) => sum + bytes, 0),
    onClosed: ({ address }) => closed.push(address),
  })
  const add = (address: string, isKnown = false) => {
    const reader: Reader = { address, isKnown, close: () => held.delete(address) }
    const handle = readers.add(reader)!
    const take = () => {
      held.set(address, 1)
      handle.held()
    }
    return { ...handle, take }
  }
  const isRefused = (address: string) =>
    readers.add({ address, isKnown: false, close: () => {} }) === undefined
  return { readers, add, isRefused, closed, clock }
}

t.test('above the budget, an unknown reader without progress is disconnected', (t) => {
  const { add, closed, readers } = world()
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((address) => add(address))
  for (const reader of [a, b, c]) reader!.take()
  a!.progress()
  d!.take()
  t.same(closed, ['b'])
  t.equal(readers.size(), 3)
  b!.progress()
  b!.end()
  t.equal(readers.size(), 3, 'a closed reader stays closed')
  t.end()
})

t.test('a known reader is not disconnected when the budget is exceeded', (t) => {
  const { add, closed } = world()
  for (const address of ['m1', 'm2', 'm3']) add(address, true).take()
  const unknown = add('a')
  unknown.take()
  t.same(closed, ['a'])
  add('m4', true).take()
  t.same(closed, ['a'])
  t.end()
})

t.test('a known client has a maximum of concurrent readers', (t) => {
  const { add, closed, readers } = world()
  add('m1', true)
  add('m2', true)
  add('m1', true)
  add('m1', true)
  t.same(closed, ['m1'])
  t.equal(readers.size(), 3)
  t.end()
})

t.test('unknown clients have a maximum of concurrent readers, each and in total', (t) => {
  const { add, isRefused, closed, clock } = world()
  add('a')
  add('a')
  t.ok(isRefused('a'))
  for (const address of ['b', 'b', 'c']) add(address)
  t.ok(isRefused('d'), 'all are in progress')
  clock.advance(100)
  t.notOk(isRefused('d'), 'one without progress makes way')
  t.same(closed, ['a'])
  add('m1', true)
  t.end()
})
