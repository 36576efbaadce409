import t, { type Test } from 'tap'
import { Counters } from '../../src/host/counters.ts'
import type { Seen } from '../../src/install/observation.ts'
import { compileDhcpv6 } from '../../src/plan/dhcpv6/compile.ts'
import type { Dhcpv6Plan } from '../../src/plan/dhcpv6/plan.ts'
import type { NodeModel } from '../../src/plan/model.ts'
import { parseCidr6, type Cidr6 } from '../../src/proto/address/network6.ts'
import { uuidDuid } from '../../src/proto/dhcpv6/duid.ts'
import {
  decodeMessage,
  encodeMessage,
  MessageType,
  type ClientMessage,
} from '../../src/proto/dhcpv6/message.ts'
import { firstValue, OptionCode } from '../../src/proto/dhcpv6/option.ts'
import { startDhcpv6 } from '../../src/serve/dhcpv6/service.ts'
import { linkOf, openDhcpv6Clients } from '../../src/simulate/dhcpv6-client.ts'
import { firmwareProfile6, ipxeProfile6, systemProfile6 } from '../../src/simulate/dhcpv6-profiles.ts'
import { bootFileUrlOf, checkHttpReply6, checkLease6 } from '../../src/simulate/dhcpv6-reply.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { i1Duid, ipv6Model } from '../support/ipv6-site.ts'
import { memorySockets } from '../support/memory-sockets.ts'
import { silentLog } from '../support/silent-log.ts'

const model = ipv6Model()
const plan = compileDhcpv6(model) as Dhcpv6Plan
const nodeOf = (name: string) => model.nodes.find(({ key }) => key === `ocp45/${name}`) as NodeModel
const link = { name: 'ens4', address: 'fe80::99%ens4', source: 'fd00:16::101' }
const own = (address: string) => ({ address, netmask: '', cidr: null, internal: false })
const interfaces = {
  lo: [{ ...own('fd00:16::1'), internal: true }],
  none: undefined,
  ens3: [own('fd00:16::2')],
  ens4: [own('192.0.2.1'), own('fe80::99'), own('fd00:16::101')],
}

async function setUp(t: Test) {
  const sockets = memorySockets()
  const clock = fakeClock()
  let id = 0x1000
  const clients = await openDhcpv6Clients({
    ...{ sockets, clock },
    links: [link],
    server: { duid: plan.serverDuid, port: 547, clientPort: 546 },
    randomId: () => id++,
  })
  t.teardown(() => clients.close())
  return { sockets, clock, clients }
}

t.test('slipway completes every exchange, and does not observe it', async (t) => {
  const { sockets, clock, clients } = await setUp(t)
  const seen: Seen[] = []
  const service = await startDhcpv6({
    plan: () => plan,
    ...{ sockets, clock },
    counters: new Counters(),
    log: silentLog(),
    observe: (each) => void seen.push(each),
    onLost: () => {},
    interfaces: () => interfaces,
  })
  t.teardown(() => service.close(0))
  const m1 = nodeOf('m1')
  const boots = [
    [firmwareProfile6('uefi'), 'tftp://[fd00:16::101]/efi/snponly.efi'],
    [firmwareProfile6('uefi-http'), 'http://[fd00:16::101]/loaders/efi/snponly.efi'],
    [ipxeProfile6('uefi-http'), 'http://[fd00:16::101]/boot/ocp45/m1/boot.ipxe'],
    [systemProfile6, undefined],
  ] as const
  for (const [profile, url] of boots) {
    const { advertise, reply, octets } = await clients.exchange(profile, m1, link)
    for (const message of [advertise, reply]) {
      checkLease6(message, m1, model, profile)
      t.equal(bootFileUrlOf(message), url)
      if (profile.name === 'UEFI HTTP Boot') checkHttpReply6(message)
    }
    t.ok(octets > 100)
  }
  t.same(seen, [])
  const i1 = nodeOf('i1')
  t.equal(i1.duids?.[0], i1Duid)
  const { reply } = await clients.exchange(systemProfile6, i1, link)
  checkLease6(reply, i1, model, systemProfile6)
  t.throws(() => checkLease6(reply, m1, model, systemProfile6), {
    message: /expected the reserved address fd00:16::11; got fd00:16::31; check mac and address of ocp45\/m1/,
  })
  t.throws(() => checkHttpReply6(reply), { message: /expected option 16 "HTTPClient"; got none/ })
})

t.test('settings that differ from the site are problems', async (t) => {
  const message = (options: ClientMessage['options']): ClientMessage => {
    return { kind: 'client', type: MessageType.reply, transactionId: 1, options }
  }
  const m1 = nodeOf('m1')
  t.throws(() => checkLease6(message([]), m1, model, systemProfile6), { message: /got no address/ })
  const cut = { code: OptionCode.iaNa, value: Uint8Array.of(0, 0, 0, 1) }
  t.throws(() => checkLease6(message([cut]), m1, model, systemProfile6), {
    message: /expected a readable IA_NA; got 8 octets expected/,
  })
  const { sockets, clock, clients } = await setUp(t)
  const other = { ...plan, reservationByDuid: new Map(plan.reservationByDuid) }
  const service = await startDhcpv6({
    plan: () => other,
    ...{ sockets, clock },
    counters: new Counters(),
    log: silentLog(),
    observe: () => {},
    onLost: () => {},
    interfaces: () => interfaces,
  })
  t.teardown(() => service.close(0))
  const { reply } = await clients.exchange(systemProfile6, m1, link)
  const without = (code: number) => message(reply.options.filter((option) => option.code !== code))
  t.throws(() => checkLease6(without(OptionCode.dnsServers), m1, model, systemProfile6), {
    message: /expected option 23 fd00:16::101; got none; check dns of the IPv6 network/,
  })
  t.throws(() => checkLease6(without(OptionCode.domainList), m1, model, systemProfile6), {
    message: /expected option 24 ocp45\.\S+; got none; check search of the IPv6 network/,
  })
  const quiet = { ...model, site: { ...model.site, dns: { ...model.site.dns, serve: false } } }
  t.throws(() => checkLease6(reply, m1, quiet, systemProfile6), {
    message: /expected option 23 absent; got fd00:16::101/,
  })
})

t.test('without a reply, the problem names the servers that answered instead', async (t) => {
  const { sockets, clock, clients } = await setUp(t)
  const failed = async () => {
    const exchange = clients.exchange(systemProfile6, nodeOf('m1'), link)
    const rejected = t.rejects(exchange, { name: 'BootProblem', message: wanted })
    for (let second = 0; second < 8; second++) {
      await sockets.settled()
      clock.advance(1000)
    }
    await rejected
  }
  let wanted =
    /expected an ADVERTISE from 00:04:\S+ to the live system of \S+ on ens4; got no reply within 7 s/
  await failed()
  const server = await sockets.bindUdp({ address: '::', port: 547 })
  t.teardown(() => server.close())
  server.receive((batch) => {
    for (const { payload, address, port } of batch) {
      const { transactionId, options } = decodeMessage(payload) as ClientMessage
      const clientId = {
        code: OptionCode.clientId,
        value: firstValue(options, OptionCode.clientId) as Uint8Array,
      }
      const answer = (more: ClientMessage['options']) =>
        encodeMessage({ kind: 'client', type: MessageType.advertise, transactionId, options: more })
      const other = { code: OptionCode.serverId, value: uuidDuid(new Uint8Array(16)) }
      for (const packet of [answer([]), answer([clientId]), answer([clientId, other]), Uint8Array.of(7)]) {
        server.send(packet, address, port)
      }
    }
  })
  wanted = /replies of other servers only \(one without a DUID, 00:04:00:\S+\) within 7 s/
  await failed()
  t.equal(clock.pending(), 0)
})

t.test('a REQUEST without a REPLY is a problem, too', async (t) => {
  const { sockets, clock, clients } = await setUp(t)
  const server = await sockets.bindUdp({ address: '::', port: 547 })
  t.teardown(() => server.close())
  server.receive((batch) => {
    for (const { payload, address, port } of batch) {
      const message = decodeMessage(payload) as ClientMessage
      if (message.type !== MessageType.solicit) continue
      const serverId = { code: OptionCode.serverId, value: plan.serverDuid }
      server.send(
        encodeMessage({ ...message, type: MessageType.advertise, options: [...message.options, serverId] }),
        address,
        port,
      )
    }
  })
  const exchange = clients.exchange(systemProfile6, nodeOf('m1'), link)
  const rejected = t.rejects(exchange, { message: /expected a REPLY from/ })
  for (let second = 0; second < 9; second++) {
    await sockets.settled()
    clock.advance(1000)
  }
  await rejected
})

t.test('a socket that is taken closes the others', async (t) => {
  const sockets = memorySockets()
  const taken = { name: 'ens5', address: 'fe80::5%ens5', source: 'fd00:17::1' }
  const blocker = await sockets.bindUdp({ address: taken.address, port: 546 })
  t.teardown(() => blocker.close())
  const opening = openDhcpv6Clients({
    sockets,
    clock: fakeClock(),
    links: [link, taken],
    server: { duid: plan.serverDuid, port: 547, clientPort: 546 },
    randomId: () => 1,
  })
  await t.rejects(opening, { code: 'EADDRINUSE' })
  t.same(sockets.open(), ['fe80::5%ens5:546'])
})

t.test('the link is the interface with an address in the network, and a link-local one', (t) => {
  t.same(linkOf(interfaces, parseCidr6('fd00:16::/64') as Cidr6), link)
  t.equal(linkOf(interfaces, parseCidr6('fd00:17::/64') as Cidr6), undefined)
  t.end()
})
