import t from 'tap'
import { parseIpv4, type Cidr, type Ipv4 } from '../../../src/proto/address/ip.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import type { LaneProgram } from '../../../src/host/lane/loop.ts'
import { createOutbox, type Outbox } from '../../../src/host/lane/outbox.ts'
import type { AppliedMessage } from '../../../src/host/lane/planned.ts'
import { recordedOf } from '../../../src/serve/dhcp/handle.ts'
import { createDhcpProgram, type DhcpLaneMessage, type DhcpLanePlan } from '../../../src/serve/dhcp/lane.ts'
import { captured, captureModel } from '../../support/dhcp-captures.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { from, inventoryModel } from '../../support/inventory-site.ts'

/** Compiles the plan that the program has received. */
function complete(program: LaneProgram): void {
  while (program.step());
}

/** Returns what the main thread gets. */
function messagesOf(outbox: Outbox<DhcpLaneMessage | AppliedMessage>) {
  return (outbox.take()?.messages ?? []).map((each) =>
    each.kind === 'handled' ? { ...each, handled: recordedOf(each.handled) } : each,
  )
}

/** The program of the lane in this thread. */
function setUp(dhcp?: 'proxy', withheld: DhcpLanePlan['withheld'] = []) {
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<DhcpLaneMessage | AppliedMessage>(false, unread, 2000)
  const data = { arrivals: ['broadcast', 'proxy-port'] as const, isEveryInterface: false }
  const program = createDhcpProgram(data, outbox, fakeClock())
  const reply = new Uint8Array(2048)
  const ask = (packet: Uint8Array, socket = 0, port = 68) => {
    const peer = { address: '172.16.0.11', port, socket, slot: 5, to: undefined }
    return { octets: program.answer(packet, reply, peer), to: peer.to }
  }
  const messages = () => messagesOf(outbox)
  t.equal(program.isReady(), false)
  program.receive({ version: 1, plan: { model: captureModel(dhcp && { dhcp }), withheld } })
  complete(program)
  t.equal(program.isReady(), true)
  t.same(messages(), [{ kind: 'applied', version: 1 }])
  return { program, ask, messages, unread, outbox }
}

t.test('an answer goes to its destination, and the main thread gets what to record', (t) => {
  const { ask, messages, program } = setUp()
  const { octets, to } = ask(captured('OVMF PXE DISCOVER'))
  t.ok(octets > 240)
  t.same(to, { address: '255.255.255.255', port: 68 })
  t.match(messages(), [
    {
      kind: 'handled',
      handled: { kind: 'result', client: '172.16.0.11:68', seen: { node: 'ocp4/master-1', kind: 'dhcp' } },
    },
  ])
  t.equal(program.step(), false)
  t.end()
})

t.test('an answer that cannot be sent is reported with its node', (t) => {
  const { ask, messages, program } = setUp()
  ask(captured('OVMF PXE DISCOVER'))
  messages()
  program.unsent?.(5, new Error('sendmmsg EPERM'))
  program.unsent?.(6, new Error('of another datagram'))
  t.match(messages(), [
    { kind: 'unsent', about: { node: 'ocp4/master-1' }, client: '255.255.255.255:68', error: Error },
  ])
  t.end()
})

t.test('a request at the ProxyDHCP port is answered to its sender', (t) => {
  const { ask } = setUp('proxy')
  const request = captured('OVMF PXE DISCOVER')
  request[request.indexOf(53, 240) + 2] = 3
  const { octets, to } = ask(request, 1, 4011)
  t.ok(octets > 240)
  t.equal(to, undefined)
  t.end()
})

t.test('packets without an answer are reported too', (t) => {
  const { ask, messages, program, outbox } = setUp()
  t.equal(ask(Uint8Array.of(1, 2, 3)).octets, 0)
  t.match(messages(), [{ handled: { kind: 'malformed', octets: 3 } }])
  program.tooLong()
  t.equal(outbox.counters.get('dhcp.malformed'), 1)
  t.end()
})

t.test('requests wait in the sockets while the main thread is behind', (t) => {
  const { program, unread } = setUp()
  Atomics.store(unread, 0, 2000)
  t.equal(program.isReady(), false)
  Atomics.store(unread, 0, 1999)
  t.equal(program.isReady(), true)
  t.end()
})

t.test('the lane offers no address on a network where addresses are withheld', (t) => {
  const network = captureModel().site.subnets[0]?.cidr as Cidr
  const { ask, messages } = setUp(undefined, [
    { network, code: 'dhcp.not-leasing', reason: 'another server' },
  ])
  t.equal(ask(captured('OVMF PXE DISCOVER')).octets, 0)
  t.match(messages(), [
    { handled: { result: { kind: 'ignored', about: { code: 'dhcp.not-leasing' } }, seen: undefined } },
  ])
  t.end()
})

t.test('the lane answers from the plan before, until another one is compiled', (t) => {
  const { ask, messages, program } = setUp()
  const model = captureModel({ dhcp: 'proxy' })
  const network = model.site.subnets[0]?.cidr as Cidr
  program.receive({ version: 2, plan: { model, withheld: [] } })
  t.ok(ask(captured('OVMF PXE DISCOVER')).octets > 0)
  t.match(messages(), [{ handled: { result: { kind: 'offered' } } }])
  // Only this applies at once: no further address is offered.
  const withheld = [{ network, code: 'dhcp.not-leasing', reason: 'another server' }] as const
  program.receive({ version: 3, plan: { model, withheld } })
  t.equal(ask(captured('OVMF PXE DISCOVER')).octets, 0)
  messages()
  complete(program)
  t.same(messages(), [{ kind: 'applied', version: 3 }], 'and only the last one')
  t.end()
})

t.test('the lane does not compile the same model again when only the withheld networks change', (t) => {
  const { ask, messages, program } = setUp()
  const network = captureModel().site.subnets[0]?.cidr as Cidr
  const withheld = [{ network, code: 'dhcp.not-leasing', reason: 'another server' }] as const
  program.receive({ version: 2, plan: { withheld } })
  t.same(messages(), [{ kind: 'applied', version: 2 }])
  t.equal(program.step(), false)
  t.equal(ask(captured('OVMF PXE DISCOVER')).octets, 0)
  messages()
  program.receive({ version: 3, plan: { model: captureModel(), withheld } })
  program.receive({ version: 4, plan: { withheld: [] } })
  t.same(messages(), [], 'not applied before the model is compiled')
  complete(program)
  t.same(messages(), [{ kind: 'applied', version: 4 }])
  t.ok(ask(captured('OVMF PXE DISCOVER')).octets > 0)
  t.end()
})

t.test('the lane continues with the addresses that the main thread gave to undeclared machines', (t) => {
  const unread = new Int32Array(new SharedArrayBuffer(4))
  const outbox = createOutbox<DhcpLaneMessage | AppliedMessage>(false, unread, 2000)
  const data = { arrivals: ['broadcast'] as const, isEveryInterface: false }
  const program = createDhcpProgram(data, outbox, fakeClock())
  const lease = (mac: string, address: string) => ({
    mac: mac as Mac,
    address: parseIpv4(address) as Ipv4,
    remainingMs: 60_000,
  })
  const bindings = [lease('52:54:00:00:00:01', '192.0.2.240')]
  program.receive({ version: 1, plan: { model: inventoryModel(), withheld: [], bindings } })
  complete(program)
  program.receive({ bindings: [lease('52:54:00:00:00:02', '192.0.2.241')] })
  const ask = (packet: Uint8Array) =>
    program.answer(packet, new Uint8Array(2048), {
      ...{ address: '0.0.0.0', port: 68, socket: 0, slot: 1, to: undefined },
    })
  t.equal(ask(from().firmware()), 0, 'both addresses are in use')
  t.ok(ask(from('52:54:00:00:00:02').udhcpc()) > 240)
  t.match(messagesOf(outbox).slice(-2), [
    { handled: { result: { kind: 'unknown-client', about: { code: 'dhcp.inventory-full' } } } },
    { handled: { result: { kind: 'offered', inventory: { address: parseIpv4('192.0.2.241') } } } },
  ])
  t.end()
})
