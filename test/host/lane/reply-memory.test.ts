import t from 'tap'
import type { Peer } from '../../../src/host/lane/loop.ts'
import { createReplyMemory } from '../../../src/host/lane/reply-memory.ts'
import { fakeClock } from '../../support/fake-clock.ts'

const peer: Peer = { address: '192.0.2.1', port: 67, socket: 0, slot: 0, to: undefined }

/** A message of 100 octets; octets 4 to 7 are its transaction. */
function messageOf(transaction: number, ...at: readonly (readonly [index: number, octet: number])[]) {
  const message = new Uint8Array(100)
  message.fill(transaction, 4, 8)
  for (const [index, octet] of at) message[index] = octet
  return message
}

function setUp() {
  const clock = fakeClock()
  const memory = createReplyMemory<string>(clock, [4, 8])
  const find = (message: Uint8Array, from: Peer = peer) => {
    const out = new Uint8Array(20)
    const known = memory.find(message, from, out)
    return known === undefined ? undefined : [known, ...out.subarray(0, 9)]
  }
  return { clock, memory, find }
}

const reply = Uint8Array.of(9, 9, 9, 9, 1, 1, 1, 1, 9)

t.test('a message that differs only in its transaction gets the same reply with its own transaction', (t) => {
  const { memory, find } = setUp()
  t.equal(find(messageOf(1)), undefined)
  memory.keep(messageOf(1), peer, reply, 'offered')
  reply.fill(0, 0, 1)
  t.same(find(messageOf(2)), ['offered', 9, 9, 9, 9, 2, 2, 2, 2, 9])
  reply.fill(9, 0, 1)
  memory.keep(messageOf(3), peer, reply.with(0, 8), 'acknowledged')
  t.same(find(messageOf(2)), ['acknowledged', 8, 9, 9, 9, 2, 2, 2, 2, 9], 'the reply was replaced')
  t.end()
})

t.test('a message that differs in anything else is not known', (t) => {
  const { memory, find } = setUp()
  memory.keep(messageOf(1), peer, reply, 'offered')
  for (const index of [0, 3, 8, 47, 48, 60, 67, 68, 99]) {
    t.equal(find(messageOf(1, [index, 1])), undefined, `octet ${index}`)
  }
  t.equal(find(messageOf(1).subarray(0, 99)), undefined, 'a shorter one')
  t.equal(find(messageOf(1), { ...peer, address: '192.0.2.2' }), undefined)
  t.equal(find(messageOf(1), { ...peer, port: 68 }), undefined)
  t.equal(find(messageOf(1), { ...peer, socket: 1 }), undefined)
  t.ok(find(messageOf(1)))
  t.end()
})

t.test('a reply is sent for a second, and until the memory is cleared', (t) => {
  const { clock, memory, find } = setUp()
  memory.keep(messageOf(1), peer, reply, 'offered')
  clock.advance(999)
  t.ok(find(messageOf(1)))
  clock.advance(1)
  t.equal(find(messageOf(1)), undefined)
  memory.keep(messageOf(1), peer, reply, 'offered')
  memory.clear()
  t.equal(find(messageOf(1)), undefined)
  t.end()
})

t.test('the same reply to the same message is kept for another second, with what was kept with it', (t) => {
  const { clock, memory, find } = setUp()
  memory.keep(messageOf(1), peer, reply, 'first')
  clock.advance(999)
  const sameReply = reply.with(4, 2).with(5, 2).with(6, 2).with(7, 2)
  memory.keep(messageOf(2), peer, sameReply, 'second')
  clock.advance(999)
  t.same(find(messageOf(3)), ['first', 9, 9, 9, 9, 3, 3, 3, 3, 9])
  memory.keep(messageOf(4), { ...peer, port: 68 }, reply, 'third')
  t.equal(find(messageOf(3)), undefined, 'a message from another port is another one')
  t.equal(find(messageOf(4), { ...peer, port: 68 })?.[0], 'third')
  t.end()
})

t.test('long messages and replies are not kept, and the oldest of too many is replaced', (t) => {
  const { memory, find } = setUp()
  memory.keep(new Uint8Array(513), peer, reply, 'long')
  memory.keep(messageOf(1), peer, new Uint8Array(641), 'long')
  t.equal(find(messageOf(1)), undefined)
  t.equal(find(new Uint8Array(513)), undefined)
  const numbered = (index: number) => messageOf(0, [30, index & 0xff], [31, index >> 8])
  for (let index = 0; index <= 2048; index++) memory.keep(numbered(index), peer, reply, `${index}`)
  t.equal(find(numbered(0)), undefined)
  t.equal(find(numbered(1))?.[0], '1')
  t.equal(find(numbered(2048))?.[0], '2048')
  t.equal(find(new Uint8Array(600)), undefined)
  t.end()
})

t.test('a message that is shorter than a transaction is not known', (t) => {
  const { memory, find } = setUp()
  memory.keep(messageOf(1), peer, reply, 'offered')
  t.equal(find(Uint8Array.of(1, 2)), undefined)
  t.equal(find(new Uint8Array(0)), undefined)
  t.end()
})
