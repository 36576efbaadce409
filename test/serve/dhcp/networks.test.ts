/** Where a client is: by its relay agent, its subnet selection, or the interfaces of this machine. */
import t from 'tap'
import { createAttachedNetworks, type InterfaceAddresses } from '../../../src/host/attached-networks.ts'
import { parseCidr, type Cidr } from '../../../src/proto/address/ip.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { Arrival } from '../../../src/serve/dhcp/decide.ts'
import { ask } from '../../support/dhcp-ask.ts'
import { captured } from '../../support/dhcp-captures.ts'
import { clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { running } from '../../support/dhcp-service.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { memorySockets } from '../../support/memory-sockets.ts'
import { exampleModel, exampleSite } from '../../support/model.ts'

type Fields = Parameters<typeof clientPacket>[0]

/** Node ocp45/m1 is on 192.0.2.0/24, the network of the server; the host is behind a relay agent, or on the same wire. */
const mac = '00:00:5e:00:53:61'
const farAddress: readonly [number, number[]] = [50, octetsOf('198.51.100.61')]
const server: readonly [number, number[]] = [54, octetsOf('192.0.2.2')]

function planOf(keys: { readonly segment?: string; readonly dhcp?: 'proxy' } = {}) {
  const site = exampleSite()
  const [own] = site.subnets
  Object.assign(own ?? {}, keys.segment === undefined ? {} : { segment: keys.segment })
  site.subnets.push({ cidr: '198.51.100.0/24', gateway: '198.51.100.1', ...keys })
  Object.assign(site, { hosts: [{ name: 'e1.example.net', mac, address: '198.51.100.61' }] })
  return compileDhcp(exampleModel(site)).plan
}

const cidrOf = (text: string) => parseCidr(text) as Cidr
const ownNetwork = cidrOf('192.0.2.0/24')
/** Only the network of the server is attached to its interface. */
const isAttached = (network: Cidr) => network.network === ownNetwork.network

const wrong = { code: 'dhcp.wrong-network', reason: /^request came through the network of 192\.0\.2\.2, but the reservation is on 198\.51\.100\.0\/24$/ } // prettier-ignore

const messages: { name: string; fields: Fields; arrival?: Arrival; source?: string; result: object }[] = [
  {
    name: 'a DISCOVER gets no offer',
    fields: { type: 'discover' },
    result: { kind: 'ignored', about: wrong },
  },
  {
    name: 'a REQUEST that selects this server gets a NAK',
    fields: { type: 'request', options: [server, farAddress] },
    result: { kind: 'refused', about: { state: 'selecting', ...wrong } },
  },
  {
    name: 'INIT-REBOOT gets a NAK (RFC 2131 §4.3.2)',
    fields: { type: 'request', options: [farAddress] },
    result: { kind: 'refused', about: { state: 'init-reboot', ...wrong } },
  },
  {
    name: 'REBINDING by broadcast gets a NAK',
    fields: { type: 'request', ciaddr: '198.51.100.61' },
    arrival: 'broadcast',
    result: { kind: 'refused', about: { state: 'rebinding', ...wrong } },
  },
  {
    name: 'REBINDING from 0.0.0.0 gets a NAK (udhcpc)',
    fields: { type: 'request', ciaddr: '198.51.100.61' },
    source: '0.0.0.0',
    result: { kind: 'refused', about: wrong },
  },
  {
    name: 'RENEWING by unicast is acknowledged: a router forwarded it',
    fields: { type: 'request', ciaddr: '198.51.100.61' },
    arrival: 'unicast',
    result: { kind: 'acknowledged', about: { state: 'renewing' } },
  },
  {
    name: 'a renewal is acknowledged where unicast and broadcast cannot be distinguished',
    fields: { type: 'request', ciaddr: '198.51.100.61' },
    arrival: 'unknown',
    result: { kind: 'acknowledged' },
  },
  {
    name: 'INFORM by broadcast gets no answer',
    fields: { type: 'inform', ciaddr: '198.51.100.77' },
    arrival: 'broadcast',
    result: { kind: 'ignored', about: wrong },
  },
  {
    name: 'INFORM by unicast is answered',
    fields: { type: 'inform', ciaddr: '198.51.100.77' },
    arrival: 'unicast',
    result: { kind: 'informed' },
  },
  {
    name: 'a subnet selection names its network (RFC 3011)',
    fields: { type: 'discover', options: [[118, octetsOf('198.51.100.0')]] },
    result: { kind: 'offered' },
  },
]
for (const { name, fields, arrival, source, result } of messages) {
  t.test(`a machine of another network on the server's own network: ${name}`, (t) => {
    const packet = clientPacket({ mac, ...fields })
    t.match(ask(planOf(), packet, arrival, source, { isAttached }).result, result)
    t.end()
  })
}

t.test('a machine of a proxied network that is not attached gets no boot file', (t) => {
  const plan = planOf()
  const proxied = { name: 'ocp45/w1', network: cidrOf('198.51.100.0/24'), boot: undefined }
  const proxyPlan = { ...plan, reservationByMac: new Map(), proxiedByMac: new Map([...plan.reservationByMac].map(([key]) => [key, proxied])) } // prettier-ignore
  const packet = clientPacket({ mac, type: 'discover', options: [[60, 'PXEClient:Arch:00007:UNDI:003000']] })
  t.match(ask(proxyPlan, packet, 'broadcast', '0.0.0.0', { isAttached }).result, { about: wrong })
  t.end()
})

t.test('networks of one segment share a link', (t) => {
  const plan = planOf({ segment: 'rack-1' })
  const kindOf = (fields: Fields) =>
    ask(plan, clientPacket(fields), 'broadcast', '0.0.0.0', { isAttached }).result.kind
  t.equal(kindOf({ mac, type: 'discover' }), 'offered', 'a node of another network on the wire of the server')
  t.equal(kindOf({ mac, type: 'request', options: [farAddress] }), 'acknowledged')
  t.equal(
    kindOf({ mac, type: 'discover', giaddr: '192.0.2.1' }),
    'offered',
    'the relay agent has one address',
  )
  t.equal(kindOf({ type: 'discover', giaddr: '198.51.100.1' }), 'offered')
  t.equal(ask(planOf(), clientPacket({ mac, type: 'discover', giaddr: '192.0.2.1' })).result.kind, 'ignored')
  t.end()
})

const selections: { name: string; fields: Fields; kind: string }[] = [
  { name: 'an agent of that network', fields: { giaddr: '198.51.100.1' }, kind: 'offered' },
  {
    name: 'an agent of another network, which the site does not allow',
    fields: { giaddr: '192.0.2.1' },
    kind: 'ignored',
  },
  { name: 'link selection precedes it', fields: { giaddr: '192.0.2.1', options: [[82, [5, 4, ...octetsOf('192.0.2.1')]]] }, kind: 'ignored' }, // prettier-ignore
]
for (const { name, fields, kind } of selections) {
  t.test(`subnet selection (RFC 3011) with ${name}`, (t) => {
    const options = [[118, octetsOf('198.51.100.0')] as const, ...(fields.options ?? [])]
    const { result, reply } = ask(planOf(), clientPacket({ mac, type: 'discover', ...fields, options }))
    t.equal(result.kind, kind)
    t.same(reply?.value(118), kind === 'offered' ? octetsOf('198.51.100.0') : undefined, 'it is returned')
    t.end()
  })
}

t.test('replies to a relay agent with sub-option 19 go to its source port (RFC 8357)', (t) => {
  const packet = (value: number[]) =>
    clientPacket({ mac, type: 'discover', giaddr: '198.51.100.1', options: [[82, value]] })
  const toOf = (value: number[]) =>
    ask(planOf(), packet(value), 'unicast', '198.51.100.1', { port: 40_067 }).result
  t.match(toOf([1, 1, 7, 19, 0]), { to: { address: '198.51.100.1', port: 40_067 } })
  t.match(toOf([1, 1, 7]), { to: { address: '198.51.100.1', port: 67 } })
  t.end()
})

const interfaces: InterfaceAddresses = {
  lo: [{ address: '127.0.0.1', netmask: '255.0.0.0', cidr: '127.0.0.1/8', internal: true }],
  ens4: [
    { address: '192.0.2.2', netmask: '255.255.255.0', cidr: '192.0.2.2/24', internal: false },
    { address: 'fe80::1', netmask: 'ffff:ffff:ffff:ffff::', cidr: 'fe80::1/64', internal: false },
    { address: '203.0.113.2', netmask: '255.255.255.128', cidr: '203.0.113.2/25', internal: false },
  ],
  ens5: [{ address: '198.51.100.2', netmask: '255.255.255.0', cidr: '198.51.100.2/24', internal: false }],
}
const attached = [
  { name: 'the network of the server', network: '192.0.2.0/24', one: true, every: true },
  { name: 'a part of it', network: '192.0.2.64/26', one: true, every: true },
  { name: 'a network that contains it', network: '192.0.0.0/16', one: true, every: true },
  { name: 'another address of the same interface', network: '203.0.113.0/24', one: true, every: true },
  { name: 'the network of another interface', network: '198.51.100.0/24', one: false, every: true },
  { name: 'a network without an interface', network: '10.0.0.0/8', one: false, every: false },
  { name: 'the loopback network', network: '127.0.0.0/8', one: false, every: false },
]
for (const { name, network, one, every } of attached) {
  t.test(`attached networks: ${name}`, (t) => {
    const isOn = (isEvery: boolean, address = '192.0.2.2') =>
      createAttachedNetworks(fakeClock(), isEvery, () => interfaces)(cidrOf(network), address)
    t.equal(isOn(false), one, 'only the interface of the server')
    t.equal(isOn(true), every, 'every interface')
    t.equal(isOn(true, '192.0.2.9'), true, 'nothing is known without an interface of the server')
    t.equal(isOn(true, '127.0.0.1'), true, 'nor of the clients of a demo')
    t.end()
  })
}

t.test('interfaces are read again after ten seconds', (t) => {
  const clock = fakeClock()
  let current: InterfaceAddresses = { ens4: interfaces['ens4'] }
  const isOn = createAttachedNetworks(clock, true, () => current)
  const far = cidrOf('198.51.100.0/24')
  t.equal(isOn(far, '192.0.2.2'), false)
  current = interfaces
  t.equal(isOn(far, '192.0.2.2'), false)
  clock.advance(10_000)
  t.equal(isOn(far, '192.0.2.2'), true)
  t.end()
})

t.test('the service refuses a machine of another network, and the log has the reason', async (t) => {
  const { send, line, heard, service } = await running({ plan: () => ({ ...planOf(), server: 0xac100065 as never }), interfaces: () => ({ ens4: [{ address: '172.16.0.101', netmask: '255.255.255.0', cidr: '172.16.0.101/24', internal: false }] }) }) // prettier-ignore
  await send(clientPacket({ mac, type: 'discover' }))
  t.equal(heard.all.length, 0)
  t.match(line(), {
    level: 'info',
    msg: 'message ignored',
    node: 'e1.example.net',
    code: 'dhcp.wrong-network',
  })
  await service.close(0)
})

const ofServer = { address: '172.16.0.101', netmask: '255.255.255.0', cidr: '172.16.0.101/24', internal: false } // prettier-ignore
const { lo, ens5 } = interfaces
const discover = captured('OVMF PXE DISCOVER')
const onlyIpv6 = [{ address: 'fe80::1', netmask: 'ffff:ffff:ffff:ffff::', cidr: 'fe80::1/64', internal: false }] // prettier-ignore

t.test(
  'without systemd, the log names the interface of the replies, because requests arrive through all',
  async (t) => {
    const { send, line, lines, service } = await running({
      interfaces: () => ({ lo, ens4: [ofServer], wan0: ens5, ens6: onlyIpv6 }),
    })
    t.match(lines, [
      {
        level: 'info',
        code: 'dhcp.interface-unknown',
        interface: 'ens4',
        others: ['wan0'],
        msg: 'requests accepted from every interface',
      },
    ])
    await send(discover)
    t.match(line(), { msg: 'address offered', interface: 'ens4' })
    await service.close(0)
  },
)

for (const [name, others] of [
  ['it is the only one', { lo, ens4: [ofServer], ens6: onlyIpv6 }],
  ['no interface has its address', { lo, wan0: ens5 }],
] as const) {
  t.test(`the log does not name an interface if ${name}`, async (t) => {
    const { send, line, lines, service } = await running({ interfaces: () => others })
    t.same(lines, [])
    await send(discover)
    t.match(line(), { msg: 'address offered' })
    t.notHas(line(), { interface: String })
    await service.close(0)
  })
}

t.test('sockets from systemd belong to interfaces, so the log does not name one', async (t) => {
  const network = memorySockets()
  const sockets = { ...network, isAdopted: () => true }
  const { lines, service } = await running({
    ...{ network, sockets },
    interfaces: () => ({ ens4: [ofServer], wan0: ens5 }),
  })
  t.same(lines, [])
  await service.close(0)
})
