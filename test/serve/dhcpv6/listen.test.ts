/** The same messages of a relay agent on real sockets through the lane, and through the main thread. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { startDelayMs } from '../../../src/host/lane/planned.ts'
import { createLog } from '../../../src/host/log.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { Sockets, UdpOptions } from '../../../src/host/udp.ts'
import type { Seen } from '../../../src/install/observation.ts'
import { compileDhcpv6 } from '../../../src/plan/dhcpv6/compile.ts'
import type { Dhcpv6Plan } from '../../../src/plan/dhcpv6/plan.ts'
import type { Model } from '../../../src/plan/model.ts'
import type { Ipv6 } from '../../../src/proto/address/ip.ts'
import { decodeMessage, MessageType, type ClientMessage } from '../../../src/proto/dhcpv6/message.ts'
import { decodeAssociation, firstValue, OptionCode } from '../../../src/proto/dhcpv6/option.ts'
import { startDhcpv6 } from '../../../src/serve/dhcpv6/service.ts'
import { defined } from '../../../src/text/defined.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { clientMessage, ipv6Model, octets6, relayedMessage } from '../../support/ipv6-site.ts'
import { until } from '../../support/until.ts'

const variants = [
  { name: 'the lane', isLane: true },
  { name: 'the main thread', isLane: false },
] as const

const solicit = relayedMessage(clientMessage(MessageType.solicit, { addresses: [] }))

/** The site on loopback: the relay agent is ::1, and replies go to its port. */
function modelFor(relayPort: number): Model {
  const model = ipv6Model()
  for (const subnet of model.site.subnets6) Object.assign(subnet, { relays: ['::1'] })
  const ports = { ...model.endpoint.ports, dhcp6: relayPort }
  return { ...model, endpoint: { ...model.endpoint, ports } }
}

/** Sockets on a free port instead of that of the site. */
function socketsOn(port: number, isLane: boolean): Sockets {
  const real = createSockets({})
  const moved = (options: UdpOptions) => ({ ...options, port })
  return {
    ...real,
    udp: (name, options) => real.udp(name, moved(options)),
    lane: (name, options) =>
      isLane ? real.lane!(name, moved(options)) : Promise.resolve({ reason: 'of a test' }),
  }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp6').bind(0, '::1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

async function setUp(t: Test, { isLane, isStarted = isLane }: { isLane: boolean; isStarted?: boolean }) {
  const relay = createSocket('udp6').bind(0, '::1')
  await once(relay, 'listening')
  t.teardown(() => relay.close())
  const port = await freePort()
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const seen: (Seen & { readonly repeated?: number })[] = []
  let model = modelFor(relay.address().port)
  const service = await startDhcpv6({
    plan: () => compileDhcpv6(model) as Dhcpv6Plan,
    model: () => model,
    sockets: socketsOn(port, isLane),
    ...{ counters, clock },
    log: createLog('debug', {
      write: (text: string) => void lines.push(JSON.parse(text) as Record<string, unknown>),
    }),
    observe: (each, repeated) => void seen.push({ ...each, ...defined({ repeated }) }),
    onLost(error) {
      throw error
    },
    interfaces: () => ({}),
  })
  t.teardown(() => service.close(0))
  await service.apply()
  if (isStarted) {
    clock.advance(startDelayMs)
    await until(() => service.lane.isAnswering())
  }
  const send = (packet: Uint8Array) => relay.send(packet, port, '::1')
  /** Returns the address that the client of the relay agent gets. */
  const ask = async (packet: Uint8Array) => {
    const reply = once(relay, 'message') as Promise<[Buffer]>
    send(packet)
    const [octets] = await reply
    service.drain()
    const inner = firstValue(decodeMessage(octets).options, OptionCode.relayMessage) as Uint8Array
    const { options } = decodeMessage(inner) as ClientMessage
    return [...(decodeAssociation(firstValue(options, OptionCode.iaNa) as Uint8Array).addresses[0] ?? [])]
  }
  const swap = (next: Model) => {
    model = next
    return service.apply()
  }
  return { service, clock, counters, lines, seen, send, ask, swap, port, model: () => model }
}

for (const variant of variants) {
  t.test(
    `${variant.name} offers an address, and the offer is recorded before the client can use it`,
    async (t) => {
      const { service, ask, seen, counters, lines, port } = await setUp(t, variant)
      t.same(service.listening, [`udp [::]:${port}`])
      t.same(await ask(solicit), [...octets6('fd00:16::11')])
      t.match(seen, [{ node: 'ocp45/m1', kind: 'dhcp', message: 'discover', asker: 'system' }])
      t.match(lines.at(-1), { msg: 'IPv6 address offered', node: 'ocp45/m1', relay: '::1' })
      t.equal(counters.get('dhcpv6.advertised'), 1)
    },
  )

  t.test(`${variant.name} counts each repetition, in the log and in the history too`, async (t) => {
    const { send, seen, counters, lines } = await setUp(t, variant)
    for (let count = 0; count < 5; count++) send(solicit)
    await until(() => counters.get('dhcpv6.advertised') === 5)
    const logged = lines
      .filter(({ msg }) => msg === 'IPv6 address offered')
      .map(({ repeated = 1 }) => Number(repeated))
    const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
    t.equal(logged[0], 1)
    t.equal(sum(logged), 5)
    t.equal(sum(seen.map(({ repeated = 1 }) => repeated)), 5)
    t.equal(seen.length, logged.length)
    if (variant.isLane) t.ok(seen.length < 5, 'the main thread gets fewer messages')
  })

  t.test(`${variant.name} uses a new plan when it is applied`, async (t) => {
    const { ask, swap, model } = await setUp(t, variant)
    t.same(await ask(solicit), [...octets6('fd00:16::11')])
    const nodes = model().nodes.map((node) => ({
      ...node,
      ...(node.reservation6 && { reservation6: { ...node.reservation6, address: 'fd00:16::77' as Ipv6 } }),
    }))
    await swap({ ...model(), nodes })
    t.same(await ask(solicit), [...octets6('fd00:16::77')])
  })

  t.test(`${variant.name} counts and logs malformed packets`, async (t) => {
    const { send, lines, counters, port } = await setUp(t, variant)
    send(Uint8Array.of(1, 2))
    send(new Uint8Array(5000))
    await until(() => counters.get('dhcpv6.malformed') === 2)
    t.match(
      lines.find(({ msg }) => msg === 'malformed packet'),
      { level: 'debug', client: /^\[::1\]:\d+$/ },
    )
    t.ok(port > 0)
  })
}

t.test('the main thread answers until the lane does, and while it is started again', async (t) => {
  const { service, ask, clock, counters, seen } = await setUp(t, { isLane: true, isStarted: false })
  t.equal(service.lane.isAnswering(), false)
  await ask(solicit)
  t.same([service.lane.warnings(), service.lane.problems(), seen.length], [[], [], 1])
  clock.advance(startDelayMs)
  await until(() => service.lane.isAnswering())
  clock.advance(10_000)
  await until(() => !service.lane.isAnswering())
  t.match(service.lane.problems(), [{ code: 'server.lane-stopped' }])
  t.equal(counters.get('dhcpv6.laneStopped'), 1)
  await ask(solicit)
  clock.advance(100)
  await until(() => service.lane.isAnswering())
  await ask(solicit)
  t.equal(seen.length, 3)
})

t.test('the status names the reason where lanes are not available', async (t) => {
  const { service } = await setUp(t, { isLane: false })
  t.match(service.lane.warnings(), [{ code: 'server.lane-unavailable', about: 'dhcpv6' }])
})
