import t from 'tap'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../../src/host/lane/planned.ts'
import type { Done } from '../../../src/serve/dhcpv6/handle.ts'
import { createDhcpv6Program } from '../../../src/serve/dhcpv6/lane.ts'
import { decodeMessage, MessageType } from '../../../src/proto/dhcpv6/message.ts'
import { firstValue, OptionCode } from '../../../src/proto/dhcpv6/option.ts'
import { exampleModel } from '../../support/model.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import {
  clientMessage,
  firmwareOptions,
  ipv6Model,
  linkLocal,
  m1Mac,
  relayedMessage,
} from '../../support/ipv6-site.ts'

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
  const { program, ask, messages, clock } = setUp()
  for (let count = 0; count < 128; count++) t.ok(ask(solicit).octets > 0)
  messages()
  t.equal(ask(solicit).octets, 0)
  t.match(messages(), [
    { handled: { isOverBudget: false }, repeated: 127 },
    { handled: { kind: 'result', isOverBudget: true } },
  ])
  for (let count = 0; count < 10; count++) t.equal(ask(solicit).octets, 0)
  t.same(messages(), [])
  program.reportDue?.(true)
  t.match(messages(), [{ handled: { isOverBudget: true }, repeated: 10 }])
  clock.advance(1000)
  t.ok(ask(solicit).octets > 0)
  t.end()
})

/** Returns the message with another transaction. */
function withId(packet: Uint8Array, id: number): Uint8Array {
  const copy = Uint8Array.from(packet)
  copy.set([0, 0, id], 1)
  return copy
}

t.test('repetitions get the same reply with their transaction, and one report', (t) => {
  const { program, ask, reply, messages } = setUp()
  const replyTo = (id: number) => [...reply.subarray(0, ask(withId(solicit, id)).octets)]
  const first = replyTo(1)
  const [report] = messages()
  t.match(report, { handled: { result: { about: { transaction: '0x000001' } } } })
  for (const id of [2, 3, 4]) t.same(replyTo(id), first.toSpliced(1, 3, 0, 0, id))
  t.same(messages(), [])
  program.unsent?.(5, new Error('sendmmsg EPERM'))
  t.match(messages(), [{ kind: 'unsent', about: { node: 'ocp45/m1', transaction: '0x000004' } }])
  t.equal(program.reportDue?.(true), false)
  t.same(messages(), [{ ...report, repeated: 3 }])
  t.end()
})

t.test('a reply that is known, but not a repetition any more, is reported with its transaction', (t) => {
  const { clock, program, ask, messages } = setUp()
  ask(withId(solicit, 1))
  clock.advance(400)
  ask(withId(solicit, 2))
  for (const ms of [100, 500]) {
    clock.advance(ms)
    program.reportDue?.(false)
  }
  messages()
  ask(withId(solicit, 3))
  const [report] = messages()
  t.match(report, { handled: { result: { about: { transaction: '0x000003' } } } })
  t.notOk(report !== undefined && 'repeated' in report)
  t.end()
})

t.test('repetitions are reported before another message of the node, and before a new plan', (t) => {
  const { program, ask, messages } = setUp()
  const told = () =>
    messages().map((each) =>
      each.kind === 'handled' && each.handled.kind === 'result'
        ? [each.handled.result.kind, each.repeated]
        : each.kind,
    )
  for (let count = 0; count < 3; count++) ask(solicit)
  ask(clientMessage(MessageType.informationRequest, { addresses: [] }))
  t.same(told(), [
    ['advertised', undefined],
    ['advertised', 2],
    ['informed', undefined],
  ])
  for (let count = 0; count < 3; count++) ask(solicit)
  program.receive({ version: 2, plan: ipv6Model() })
  t.same(told(), [['advertised', undefined], ['advertised', 2], 'applied'])
  ask(solicit)
  t.same(told(), [['advertised', undefined]])
  t.end()
})

t.test('messages of firmware, and relayed ones, are answered each', (t) => {
  const { ask, reply, messages } = setUp()
  const firmware = clientMessage(MessageType.solicit, {
    addresses: [],
    others: firmwareOptions(16, 'HTTPClient'),
  })
  for (let count = 0; count < 3; count++) ask(firmware)
  t.match(
    messages(),
    [1, 2, 3].map(() => ({ handled: { result: { seen: { asker: 'http-firmware' } } } })),
  )
  for (const id of [1, 2, 3, 4]) {
    const { octets } = ask(relayedMessage(withId(solicit, id)), 547)
    const relayReply = decodeMessage(reply.subarray(0, octets))
    t.match(
      decodeMessage(firstValue(relayReply.options, OptionCode.relayMessage) as Uint8Array),
      { type: MessageType.advertise, transactionId: id },
      'the transaction is in the message of the client',
    )
  }
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
