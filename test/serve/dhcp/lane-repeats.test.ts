/** What the lane does with messages that are repeated within half a second. */
import t from 'tap'
import { parseIpv4, type Cidr, type Ipv4 } from '../../../src/proto/address/ip.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { simulationMark } from '../../../src/proto/dhcp/values/sub-options.ts'
import type { LaneProgram } from '../../../src/host/lane/loop.ts'
import { createOutbox } from '../../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../../src/host/lane/planned.ts'
import { recordedOf } from '../../../src/serve/dhcp/handle.ts'
import { createDhcpProgram, type DhcpLaneMessage } from '../../../src/serve/dhcp/lane.ts'
import { captured, captureModel } from '../../support/dhcp-captures.ts'
import { clientPacket } from '../../support/dhcp-message.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { from, inventoryModel } from '../../support/inventory-site.ts'

const node = 'ocp4/master-1'

function setUp(model = captureModel()) {
  const clock = fakeClock()
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<DhcpLaneMessage | AppliedMessage>(false, unread, 2000)
  const data = { arrivals: ['broadcast', 'unicast'] as const, isEveryInterface: false }
  const program: LaneProgram = createDhcpProgram(data, outbox, clock)
  const complete = () => {
    while (program.step());
  }
  let xid = 0
  const reply = new Uint8Array(2048)
  const ask = (packet: Uint8Array, { port = 68, socket = 0, address = '0.0.0.0', slot = 1 } = {}) => {
    packet.set([0, 0, 0, ++xid], 4)
    const peer = { address, port, socket, slot, to: undefined }
    const octets = program.answer(packet, reply, peer)
    return { octets: [...reply.subarray(0, octets)], to: peer.to, xid }
  }
  const messages = () =>
    (outbox.take()?.messages ?? []).map((each) =>
      each.kind === 'handled' ? { ...each, handled: recordedOf(each.handled) } : each,
    )
  /** Returns kind, transaction, and number of repetitions of each message. */
  const told = () =>
    messages().map((each) =>
      each.kind === 'handled' && each.handled.kind === 'result' && 'about' in each.handled.result
        ? [each.handled.result.kind, each.handled.result.about.xid, each.repeated]
        : each.kind,
    )
  program.receive({ version: 1, plan: { model, withheld: [] } })
  complete()
  messages()
  return { clock, program, complete, ask, messages, told }
}

const discover = () => captured('udhcpc DISCOVER')
const request = () => captured('udhcpc REQUEST')

t.test('repetitions get the same reply with their transaction, and one report', (t) => {
  const { clock, program, ask, told } = setUp()
  const first = ask(discover())
  t.same(told(), [['offered', 1, undefined]])
  const replies = [ask(discover()), ask(discover()), ask(discover())]
  for (const { octets, to, xid } of replies) {
    t.same(octets, first.octets.toSpliced(4, 4, 0, 0, 0, xid))
    t.same(to, first.to)
  }
  t.equal(program.reportDue?.(false), true)
  t.same(told(), [])
  clock.advance(500)
  t.equal(program.reportDue?.(false), false)
  t.same(told(), [['offered', 1, 3]])
  t.end()
})

t.test('the report of repetitions has what the main thread records', (t) => {
  const { program, ask, messages } = setUp()
  ask(request())
  const [first] = messages()
  ask(request())
  ask(request())
  program.reportDue?.(true)
  t.same(messages(), [{ ...first, repeated: 2 }])
  t.match(first, { handled: { seen: { node, asker: 'system', answer: 'acknowledged' } } })
  t.end()
})

t.test('each message is reported if it differs in its sender, its port, or its contents', (t) => {
  const { ask, told } = setUp()
  for (let count = 0; count < 3; count++) ask(discover())
  told()
  ask(discover(), { port: 40_000 })
  t.same(told(), [
    ['offered', 1, 2],
    ['offered', 4, undefined],
  ])
  const named = discover()
  named.set(Buffer.from('other'), named.indexOf(60, 240) + 2)
  ask(named)
  t.same(told(), [['offered', 5, undefined]])
  t.end()
})

t.test('repetitions that request other parameters get their own replies', (t) => {
  const { ask, told } = setUp()
  const without = () => {
    const packet = discover()
    const at = packet.indexOf(55, 240)
    return packet.fill(1, at + 2, at + 2 + (packet[at + 1] ?? 0))
  }
  const [first, other] = [ask(discover()), ask(without())]
  t.not(first.octets.length, other.octets.length)
  for (let count = 0; count < 3; count++) {
    t.equal(ask(discover()).octets.length, first.octets.length)
    t.equal(ask(without()).octets.length, other.octets.length)
  }
  t.same(told(), [['offered', 1, undefined]])
  t.end()
})

t.test('what the socket means for a reply is not mixed up', (t) => {
  const { ask, told } = setUp()
  const renewing = () => captured('udhcpc REQUEST in RENEWING')
  for (let count = 0; count < 3; count++) ask(renewing())
  ask(renewing(), { socket: 1 })
  t.same(told(), [
    ['acknowledged', 1, undefined],
    ['acknowledged', 1, 2],
    ['acknowledged', 4, undefined],
  ])
  t.end()
})

t.test('messages of firmware and iPXE are reported each, and at once', (t) => {
  const { ask, told } = setUp()
  for (const name of ['OVMF PXE DISCOVER', 'OVMF PXE DISCOVER', 'iPXE EFI REQUEST', 'iPXE EFI REQUEST']) {
    ask(captured(name))
  }
  t.same(told(), [
    ['offered', 1, undefined],
    ['offered', 2, undefined],
    ['acknowledged', 3, undefined],
    ['acknowledged', 4, undefined],
  ])
  t.end()
})

t.test('repetitions are reported before iPXE of the same node, also if it gets no reply', (t) => {
  const { ask, told } = setUp()
  const mac = '52:54:00:00:00:11'
  const system = () => clientPacket({ mac, type: 'discover' })
  ask(system())
  ask(system())
  ask(captured('iPXE EFI REQUEST'))
  t.same(told(), [
    ['offered', 1, undefined],
    ['offered', 1, 1],
    ['acknowledged', 3, undefined],
  ])
  ask(system())
  ask(system())
  ask(clientPacket({ mac, type: 'request' }))
  t.same(told(), [
    ['offered', 4, undefined],
    ['offered', 4, 1],
    ['ignored', 6, undefined],
  ])
  ask(system())
  ask(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
  t.same(told(), [['offered', 7, undefined], 'handled'])
  t.end()
})

t.test('simulated messages, requests for parameters, and undeclared machines are reported each', (t) => {
  const { ask, told } = setUp()
  const { code, value } = simulationMark()
  const simulated = () =>
    clientPacket({ mac: '52:54:00:00:00:11', type: 'discover', options: [[code, [...value]]] })
  for (let count = 0; count < 2; count++) ask(simulated())
  for (let count = 0; count < 2; count++)
    ask(captured('dhcpcd INFORM'), { socket: 1, address: '172.16.0.61' })
  t.same(told(), [
    ['offered', 1, undefined],
    ['offered', 2, undefined],
    ['informed', 3, undefined],
    ['informed', 4, undefined],
  ])
  const guests = setUp(inventoryModel())
  const mac = '52:54:00:00:00:02' as Mac
  const address = parseIpv4('192.0.2.240') as Ipv4
  guests.program.receive({ bindings: [{ mac, address, remainingMs: 60_000 }] })
  for (let count = 0; count < 2; count++) guests.ask(from(mac).udhcpc())
  t.same(guests.told(), [
    ['offered', 1, undefined],
    ['offered', 2, undefined],
  ])
  t.end()
})

t.test('a new plan reports the repetitions, and answers anew', (t) => {
  const { program, complete, ask, told } = setUp()
  for (let count = 0; count < 3; count++) ask(discover())
  told()
  program.receive({ version: 2, plan: { model: captureModel({ dhcp: 'proxy' }), withheld: [] } })
  t.same(told(), [['offered', 1, 2]])
  ask(discover())
  t.same(told(), [['offered', 4, undefined]], 'from the plan before, until the new one is compiled')
  ask(discover())
  ask(discover())
  complete()
  t.same(told(), [['offered', 4, 2], 'applied'])
  t.same(ask(discover()).octets, [], 'another server leases the address')
  t.end()
})

t.test('no address is offered from memory once addresses are withheld', (t) => {
  const { program, ask, told } = setUp()
  for (let count = 0; count < 3; count++) ask(discover())
  told()
  const network = captureModel().site.subnets[0]?.cidr as Cidr
  const withheld = [{ network, code: 'dhcp.not-leasing', reason: 'another server' }] as const
  program.receive({ version: 2, plan: { withheld } })
  t.same(ask(discover()).octets, [])
  t.same(told(), [['offered', 1, 2], 'applied', ['ignored', 4, undefined]])
  t.end()
})

t.test('a reply that is known, but not a repetition any more, is reported with its transaction', (t) => {
  const { clock, program, ask, told } = setUp()
  ask(discover())
  clock.advance(400)
  ask(discover())
  clock.advance(100)
  program.reportDue?.(false)
  clock.advance(500)
  program.reportDue?.(false)
  told()
  t.same(ask(discover()).octets.slice(4, 8), [0, 0, 0, 3])
  t.same(told(), [['offered', 3, undefined]])
  t.end()
})

t.test('a repetition that cannot be sent is reported at once, with its transaction', (t) => {
  const { program, ask, messages } = setUp()
  for (let slot = 0; slot < 3; slot++) ask(request(), { slot })
  messages()
  program.unsent?.(2, new Error('sendmmsg EPERM'))
  t.match(messages(), [{ kind: 'unsent', about: { node, xid: 3 }, client: '255.255.255.255:68' }])
  t.end()
})
