/** The same requests on real sockets through the lane, and through the main thread. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import { startDelayMs } from '../../../src/host/lane/planned.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import type { Seen } from '../../../src/install/observation.ts'
import { createInventoryBindings } from '../../../src/inventory/bindings.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { Model } from '../../../src/plan/model.ts'
import { parseIpv4, type Ipv4 } from '../../../src/proto/address/ip.ts'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import { startDhcp } from '../../../src/serve/dhcp/service.ts'
import { defined } from '../../../src/text/defined.ts'
import { captured, captureModel } from '../../support/dhcp-captures.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { from } from '../../support/inventory-site.ts'
import { until } from '../../support/until.ts'

const variants: readonly {
  readonly name: string
  readonly sockets: () => Sockets
  readonly isLane: boolean
}[] = [
  { name: 'the lane', sockets: () => createSockets({}), isLane: true },
  {
    name: 'the main thread',
    sockets: () => ({ ...createSockets({}), lane: () => Promise.resolve({ reason: 'of a test' }) }),
    isLane: false,
  },
]

/** The site of the captures on loopback, on ports without privileges. */
function modelOn(ports: { readonly dhcp: number; readonly dhcpClient: number }, dhcp?: 'proxy'): Model {
  const model = captureModel(dhcp && { dhcp })
  const { endpoint } = model
  const address = parseIpv4('127.0.0.1') as Ipv4
  return { ...model, endpoint: { ...endpoint, address, ports: { ...endpoint.ports, ...ports } } }
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

async function setUp(t: Test, { sockets, isLane }: (typeof variants)[number]) {
  const client = createSocket({ type: 'udp4', reuseAddr: true }).bind(0, '0.0.0.0')
  await once(client, 'listening')
  t.teardown(() => client.close())
  const ports = { dhcp: await freePort(), dhcpClient: client.address().port }
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const seen: (Seen & { readonly repeated?: number })[] = []
  const lost: Error[] = []
  let model = modelOn(ports)
  const service = await startDhcp({
    plan: () => compileDhcp(model).plan,
    model: () => model,
    sockets: sockets(),
    log: createLog('debug', {
      write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
    }),
    ...{ counters, clock },
    bindings: createInventoryBindings(clock, () => 0),
    observe: (each, repeated) => void seen.push({ ...each, ...defined({ repeated }) }),
    onLost: (error) => void lost.push(error),
  })
  t.teardown(() => service.close(0))
  await service.apply()
  if (isLane) {
    clock.advance(startDelayMs)
    await until(() => service.lane.isAnswering())
  }
  const send = (packet: Uint8Array) => client.send(packet, ports.dhcp, '127.0.0.1')
  const ask = async (packet: Uint8Array) => {
    const reply = once(client, 'message') as Promise<[Buffer]>
    send(packet)
    const [octets] = await reply
    service.drain()
    return decodeMessage(octets)
  }
  const swap = (next: Model) => {
    model = next
    return service.apply()
  }
  return { service, clock, counters, lines, seen, lost, send, ask, swap, ports, model: () => model }
}

for (const variant of variants) {
  t.test(
    `${variant.name} offers an address, and the offer is recorded before the client can use it`,
    async (t) => {
      const { ask, seen, counters, lines } = await setUp(t, variant)
      const offer = await ask(captured('OVMF PXE DISCOVER'))
      t.equal(offer.yiaddr, parseIpv4('172.16.0.11'))
      t.match(seen, [{ node: 'ocp4/master-1', kind: 'dhcp', message: 'discover', asker: 'firmware' }])
      t.match(lines.at(-1), { msg: 'address offered', node: 'ocp4/master-1' })
      t.equal(counters.get('dhcp.offered'), 1)
    },
  )

  t.test(`${variant.name} counts each repetition, in the log and in the history too`, async (t) => {
    const { send, seen, counters, lines } = await setUp(t, variant)
    for (let count = 0; count < 5; count++) send(captured('udhcpc DISCOVER'))
    await until(() => counters.get('dhcp.offered') === 5)
    const logged = lines
      .filter(({ msg }) => msg === 'address offered')
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
    t.equal((await ask(captured('OVMF PXE DISCOVER'))).yiaddr, parseIpv4('172.16.0.11'))
    const nodes = model().nodes.map((node) => ({ ...node, address: parseIpv4('172.16.0.77') as Ipv4 }))
    await swap({ ...model(), nodes })
    t.equal((await ask(captured('OVMF PXE DISCOVER'))).yiaddr, parseIpv4('172.16.0.77'))
  })

  t.test(`${variant.name} counts and logs packets that are malformed`, async (t) => {
    const { send, lines, counters } = await setUp(t, variant)
    send(Uint8Array.of(1, 2, 3))
    send(captured('OVMF PXE DISCOVER').subarray(0, 100))
    await until(() => counters.get('dhcp.malformed') === 2)
    const malformed = lines.filter(({ msg }) => msg === 'malformed packet')
    t.match(malformed, [
      { level: 'debug', octets: 3 },
      { level: 'info', node: 'ocp4/master-1', octets: 100 },
    ])
  })
}

t.test('the main thread answers until the lane does, and while it is started again', async (t) => {
  const { service, ask, clock, seen } = await setUp(t, { ...variants[0]!, isLane: false })
  t.equal(service.lane.isAnswering(), false)
  await ask(captured('OVMF PXE DISCOVER'))
  t.same([service.lane.warnings(), service.lane.problems(), seen.length], [[], [], 1])
  clock.advance(startDelayMs)
  await until(() => service.lane.isAnswering())
  clock.advance(10_000)
  await until(() => !service.lane.isAnswering())
  t.match(service.lane.problems(), [{ code: 'server.lane-stopped' }])
  await ask(captured('OVMF PXE DISCOVER'))
  clock.advance(100)
  await until(() => service.lane.isAnswering())
  await ask(captured('OVMF PXE DISCOVER'))
  t.equal(seen.length, 3)
})

t.test('an undeclared machine keeps its address when the lane starts to answer', async (t) => {
  const { service, ask, clock, swap, model } = await setUp(t, { ...variants[0]!, isLane: false })
  const addresses = { from: parseIpv4('172.16.0.240') as Ipv4, to: parseIpv4('172.16.0.241') as Ipv4 }
  const inventory = { addresses, kernel: '/k', initrd: '/i', kernelArguments: [], leaseSeconds: 600 }
  await swap({ ...model(), site: { ...model().site, inventory } })
  t.equal((await ask(from().firmware())).yiaddr, addresses.from)
  clock.advance(startDelayMs)
  await until(() => service.lane.isAnswering())
  t.equal((await ask(from('52:54:00:00:00:0a').firmware())).yiaddr, addresses.to)
  t.equal((await ask(from().udhcpc())).yiaddr, addresses.from)
})

t.test('the status names the reason where lanes are not available', async (t) => {
  const { service } = await setUp(t, variants[1]!)
  t.match(service.lane.warnings(), [{ code: 'server.lane-unavailable', about: 'dhcp' }])
})

t.test(
  'a lane also has the socket of ProxyDHCP, and closes all sockets when one cannot be opened',
  async (t) => {
    const [dhcp, dhcpClient] = [await freePort(), await freePort()]
    const model = modelOn({ dhcp, dhcpClient }, 'proxy')
    const real = createSockets({})
    const options = {
      plan: () => compileDhcp(model).plan,
      model: () => model,
      log: createLog('error', { write: () => undefined }),
      counters: new Counters(),
      clock: fakeClock(),
      onLost: () => undefined,
    }
    const proxyPort = await freePort()
    const moved: Sockets = {
      ...real,
      lane: (name, each) => real.lane!(name, { ...each, port: name === 'proxydhcp' ? proxyPort : each.port }),
    }
    const service = await startDhcp({ ...options, sockets: moved })
    t.equal(service.listening.length, 3)
    await service.close(0)
    const taken = createSocket('udp4').bind(proxyPort, '127.0.0.1')
    await once(taken, 'listening')
    t.teardown(() => taken.close())
    await t.rejects(startDhcp({ ...options, sockets: moved }), { name: 'CannotListen' })
    const again = createSocket('udp4').bind(dhcp, '127.0.0.1')
    await once(again, 'listening')
    again.close()
  },
)
