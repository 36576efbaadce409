import t from 'tap'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../../src/host/lane/planned.ts'
import type { Done } from '../../../src/serve/dhcpv6/handle.ts'
import { createDhcpv6Program } from '../../../src/serve/dhcpv6/lane.ts'
import { decodeMessage, MessageType } from '../../../src/proto/dhcpv6/message.ts'
import { exampleModel } from '../../support/model.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { clientMessage, ipv6Model, linkLocal, m1Mac } from '../../support/ipv6-site.ts'

const solicit = clientMessage(MessageType.solicit, { addresses: [] })

/** The program of the lane in this thread. */
function setUp() {
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<Done | AppliedMessage>(false, unread, 2000)
  const clock = fakeClock()
  const interfaces = () => ({
    ens4: [{ address: 'fd00:16::101', netmask: '', cidr: null, internal: false }],
  })
  const program = createDhcpv6Program(outbox, clock, interfaces)
  const reply = new Uint8Array(9216)
  const ask = (packet: Uint8Array, port = 546) => {
    const peer = { address: `${linkLocal(m1Mac)}%ens4`, port, socket: 0, slot: 5, to: undefined }
    return { octets: program.answer(packet, reply, peer), to: peer.to }
  }
  const messages = () => outbox.take()?.messages ?? []
  t.equal(program.isReady(), false)
  program.receive({ version: 1, plan: ipv6Model() })
  t.equal(program.step(), false)
  t.equal(program.isReady(), true)
  t.same(messages(), [{ kind: 'applied', version: 1 }])
  return { program, ask, reply, messages, unread, outbox, clock }
}

t.test('an answer goes to its sender, and the main thread gets what to record', (t) => {
  const { ask, reply, messages } = setUp()
  const { octets, to } = ask(solicit)
  t.match(decodeMessage(reply.subarray(0, octets)), { type: MessageType.advertise })
  t.equal(to, undefined)
  t.match(messages(), [
    {
      kind: 'handled',
      handled: { kind: 'result', result: { kind: 'advertised', seen: { node: 'ocp45/m1' } } },
    },
  ])
  t.end()
})

t.test('a client gets the answer on the port of clients, whatever port it sends from', (t) => {
  const { ask } = setUp()
  t.same(ask(solicit, 40_000).to, { address: `${linkLocal(m1Mac)}%ens4`, port: 546 })
  t.end()
})

t.test('an answer that cannot be sent is reported with its node', (t) => {
  const { ask, messages, program } = setUp()
  ask(solicit)
  messages()
  program.unsent?.(5, new Error('sendmmsg EPERM'))
  program.unsent?.(6, new Error('of another datagram'))
  t.match(messages(), [{ kind: 'unsent', about: { node: 'ocp45/m1' }, error: Error }])
  t.end()
})

t.test('packets without an answer are reported too', (t) => {
  const { ask, messages, program, outbox } = setUp()
  t.equal(ask(Uint8Array.of(1, 2)).octets, 0)
  t.match(messages(), [{ handled: { kind: 'malformed', reason: /octets expected/ } }])
  program.tooLong()
  t.equal(outbox.counters.get('dhcpv6.malformed'), 1)
  t.end()
})

t.test('one machine gets at most 128 answers per second', (t) => {
  const { ask, messages, clock } = setUp()
  for (let count = 0; count < 128; count++) ask(solicit)
  messages()
  t.equal(ask(solicit).octets, 0)
  t.match(messages(), [{ handled: { kind: 'result', isOverBudget: true } }])
  clock.advance(1000)
  t.ok(ask(solicit).octets > 0)
  t.end()
})

t.test('messages wait in the sockets while the main thread is behind', (t) => {
  const { program, unread } = setUp()
  Atomics.store(unread, 0, 2000)
  t.equal(program.isReady(), false)
  Atomics.store(unread, 0, 1999)
  t.equal(program.isReady(), true)
  t.end()
})

t.test('a plan without IPv6 networks does not replace the one before', (t) => {
  const { program, ask, messages } = setUp()
  program.receive({ version: 2, plan: exampleModel() })
  t.same(messages(), [{ kind: 'applied', version: 2 }])
  t.ok(ask(solicit).octets > 0)
  t.end()
})
