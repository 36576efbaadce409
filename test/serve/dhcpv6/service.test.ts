import t, { type Test } from 'tap'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { Sockets, UdpPort } from '../../../src/host/udp.ts'
import type { Seen } from '../../../src/install/observation.ts'
import { duidOctets, linkLayerDuid, type Duid } from '../../../src/proto/dhcpv6/duid.ts'
import { MessageType } from '../../../src/proto/dhcpv6/message.ts'
import { startDhcpv6 } from '../../../src/serve/dhcpv6/service.ts'
import type { Dhcpv6Plan } from '../../../src/plan/dhcpv6/plan.ts'
import type { Mac } from '../../../src/proto/address/mac.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'
import { clientMessage, ipv6Plan, linkLocal, m1Mac, type ClientOptions } from '../../support/ipv6-site.ts'

const plan = ipv6Plan()
const client = { address: `${linkLocal(m1Mac)}%ens4`, port: 546 }

async function running(
  t: Test,
  { active = () => plan, wrap = (sockets: Sockets) => sockets, port: from = client.port } = {},
) {
  const network = memorySockets()
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const seen: Seen[] = []
  const service = await startDhcpv6({
    plan: active,
    sockets: wrap(network),
    clock,
    counters,
    log: createLog('debug', {
      write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    }),
    observe: (each) => void seen.push(each),
    onLost: () => {},
    interfaces: () => ({
      ens4: [{ address: 'fd00:16::101', netmask: '', cidr: 'fd00:16::101/64', internal: false }],
    }),
  })
  t.teardown(() => service.close(0))
  const port = await network.bindUdp({ ...client, port: from })
  t.teardown(() => port.close())
  const received = inbox(port)
  const send = async (payload: Uint8Array) => {
    port.send(payload, '::', 547)
    await network.settled()
  }
  const solicit = (options: ClientOptions = {}) =>
    send(clientMessage(MessageType.solicit, { addresses: [], ...options }))
  return { service, clock, counters, lines, seen, received, send, solicit }
}

t.test('a client gets its address, and the exchange is counted, logged, and observed', async (t) => {
  const { service, counters, lines, seen, received, solicit } = await running(t)
  t.same(service.listening, ['udp [::]:547'])
  t.same(service.links(), ['ens4'])
  service.apply()
  await solicit()
  t.equal(received.all.length, 1)
  t.match(lines.at(-1), { msg: 'IPv6 address offered', node: 'ocp45/m1', address: 'fd00:16::11' })
  t.match(seen, [{ node: 'ocp45/m1', asker: 'system', message: 'discover' }])
  t.equal(counters.get('dhcpv6.advertised'), 1)
})

t.test(
  'undeclared clients and ignored messages get no reply, and are logged from time to time',
  async (t) => {
    const { counters, lines, received, solicit, send } = await running(t)
    const infos = () => lines.filter(({ level }) => level === 'info').length
    const unknown = linkLayerDuid('00:00:5e:00:53:66' as Mac)
    // The link-local address of the sender is that of m1, so it counts as m1.
    await solicit({ clientId: unknown })
    t.equal(received.all.length, 1)
    const before = infos()
    await send(clientMessage(MessageType.request, { serverId: Uint8Array.of(0, 3, 0) }))
    await send(clientMessage(MessageType.request, { serverId: Uint8Array.of(0, 3, 0) }))
    t.equal(counters.get('dhcpv6.ignored'), 2)
    t.equal(infos(), before + 1, 'once in 10 s')
    t.match(lines.at(-1), { msg: 'message ignored', code: 'dhcpv6.other-server', node: 'ocp45/m1' })
    t.equal(received.all.length, 1)
  },
)

t.test('an undeclared client is logged with what is known of it', async (t) => {
  const { counters, lines, received, solicit } = await running(t, {
    active: () => ({ ...plan, reservationByMac: new Map() }),
  })
  await solicit()
  t.match(lines.at(-1), { level: 'info', msg: 'undeclared client refused', mac: m1Mac })
  await solicit()
  t.match(lines.at(-1), { level: 'debug', msg: 'undeclared client refused' }, 'the second time')
  t.equal(counters.get('dhcpv6.unknownClients'), 2)
  t.equal(received.all.length, 0)
})

t.test('an undeclared client without a MAC address is logged, too', async (t) => {
  const network = memorySockets()
  const wrap = () => network
  const { lines } = await running(t, { wrap })
  const port = await network.bindUdp({ address: 'fe80::1%ens4', port: 546 })
  t.teardown(() => port.close())
  const clientId = duidOctets('00:02:00:00:ab:11:01' as Duid)
  port.send(clientMessage(MessageType.solicit, { clientId, addresses: [] }), '::', 547)
  await network.settled()
  t.match(lines.at(-1), { level: 'info', msg: 'undeclared client refused', duid: '00:02:00:00:ab:11:01' })
})

t.test('a malformed packet and a defect are counted and logged', async (t) => {
  let isBroken = false
  const active = (): Dhcpv6Plan => {
    if (isBroken) throw new Error('a defect')
    return plan
  }
  const { counters, lines, send, solicit } = await running(t, { active })
  await send(Uint8Array.of(1, 2))
  t.match(lines.at(-1), {
    level: 'debug',
    code: 'dhcpv6.malformed',
    client: '[fe80::200:5eff:fe00:5311%ens4]:546',
  })
  isBroken = true
  await solicit()
  t.match(lines.at(-1), { level: 'error', code: 'dhcpv6.internal-error', packet: /^01abcdef/ })
  t.same([counters.get('dhcpv6.malformed'), counters.get('dhcpv6.failed')], [1, 1])
  isBroken = false
})

t.test('a declined address is a warning', async (t) => {
  const { lines, send } = await running(t)
  await send(clientMessage(MessageType.decline, { serverId: plan.serverDuid, addresses: ['fd00:16::11'] }))
  t.match(lines.at(-1), { level: 'warn', code: 'dhcpv6.address-declined', node: 'ocp45/m1' })
})

t.test(
  'a declined address is a problem for an hour, but not an address that the node does not have',
  async (t) => {
    const { service, clock, lines, send } = await running(t)
    const decline = (addresses: string[]) =>
      send(clientMessage(MessageType.decline, { serverId: plan.serverDuid, addresses }))
    await decline(['fd00:16::99'])
    t.match(lines.at(-1), { level: 'info', msg: 'IPv6 address declined' })
    t.equal(lines.at(-1)?.['code'], undefined)
    t.same(service.problems(), [])
    await decline(['fd00:16::11'])
    await decline(['fd00:16::11'])
    t.match(service.problems(), [
      {
        code: 'dhcpv6.address-declined',
        text: /^another machine uses fd00:16::11, the address of ocp45\/m1, last at /,
      },
    ])
    clock.advance(3_600_000)
    t.same(service.problems(), [])
  },
)

t.test('a flood in the name of one machine gets at most 128 replies per second', async (t) => {
  const { clock, counters, received, solicit } = await running(t)
  for (let count = 0; count < 200; count++) await solicit()
  t.equal(received.all.length, 128)
  t.equal(counters.get('dhcpv6.overBudget'), 72)
  clock.advance(1000)
  await solicit()
  t.equal(received.all.length, 129)
})

t.test('a reply that cannot be sent is an error', async (t) => {
  const failing = (port: UdpPort): UdpPort => ({
    ...port,
    send: (_payload, _address, _port, failed) => failed?.(new Error('no route')),
  })
  const wrap = (sockets: Sockets): Sockets => ({
    ...sockets,
    udp: async (name, options) => (await sockets.udp(name, options)).map(failing),
  })
  const { counters, lines, solicit } = await running(t, { wrap })
  await solicit()
  t.equal(counters.get('dhcpv6.unsent'), 1)
  t.ok(lines.some(({ code }) => code === 'dhcpv6.reply-not-sent'))
})
