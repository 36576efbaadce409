import t from 'tap'
import { createReaders, type Reader } from '../../../src/serve/http/readers.ts'

function world() {
  const closed: string[] = []
  const held = new Map<string, number>()
  const readers = createReaders({
    limits: { heldBytes: 3, perKnownClient: 2 },
    heldBytes: () => [...held.values()].reduce((sum, bytes) => sum + bytes, 0),
    onClosed: ({ address }) => closed.push(address),
  })
  const add = (address: string, isKnown = false) => {
    const reader: Reader = { address, isKnown, close: () => held.delete(address) }
    const handle = readers.add(reader)
    const take = () => {
      held.set(address, 1)
      handle.held()
    }
    return { ...handle, take }
  }
  return { readers, add, closed }
}

t.test('over the budget the unknown reader without progress is disconnected', (t) => {
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

t.test('a known reader is not disconnected for the budget', (t) => {
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
