import t from 'tap'
import { Counters } from '../../src/host/counters.ts'
import { silentLog } from '../support/silent-log.ts'
import type { UdpPort } from '../../src/host/udp.ts'
import { compileDhcp } from '../../src/plan/dhcp/compile.ts'
import type { NodeModel } from '../../src/plan/model.ts'
import type { Ipv4 } from '../../src/proto/address/ip.ts'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../../src/proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../../src/proto/dhcp/option-table.ts'
import { startDhcp } from '../../src/serve/dhcp/service.ts'
import { openDhcpClients, type DhcpClients } from '../../src/simulate/dhcp-client.ts'
import {
  firmwareProfile,
  ipxeProfile,
  systemProfile,
  type DhcpProfile,
} from '../../src/simulate/dhcp-profiles.ts'
import {
  bootFileOf,
  checkIpxeOffer,
  checkLease,
  checkPxeOffer,
  messageTypeOf,
} from '../../src/simulate/dhcp-reply.ts'
import { requestBootFile, type Machine } from '../../src/simulate/machine.ts'
import { address, octetsOf } from '../support/dhcp-message.ts'
import { fakeClock } from '../support/fake-clock.ts'
import { memorySockets } from '../support/memory-sockets.ts'
import { exampleModel, exampleSite } from '../support/model.ts'

const model = exampleModel()
const m1 = model.nodes.find(({ key }) => key === 'ocp45/m1') as NodeModel
const serverAddress = '192.0.2.2'

/** Machines in memory; `serve` may put a server beside them. */
async function context(
  sockets = memorySockets(),
  more: { readonly source?: string; readonly relay?: Ipv4 } = {},
): Promise<{
  clients: DhcpClients
  sockets: ReturnType<typeof memorySockets>
  clock: ReturnType<typeof fakeClock>
}> {
  const clock = fakeClock()
  let xid = 0x1000
  const clients = await openDhcpClients({
    sockets,
    clock,
    source: '192.0.2.99',
    server: { address: address(serverAddress), port: 67, clientPort: 68 },
    randomXid: () => xid++,
    ...more,
  })
  return { clients, sockets, clock }
}

/** A server that answers each request as `reply` says. */
async function serveWith(
  sockets: ReturnType<typeof memorySockets>,
  reply: (request: DhcpMessage) => readonly Partial<DhcpMessage>[],
): Promise<UdpPort> {
  const port = await sockets.bindUdp({ address: '0.0.0.0', port: 67, broadcast: true })
  port.receive((batch) => {
    for (const { payload } of batch) {
      const request = decodeMessage(payload)
      for (const fields of reply(request)) {
        const out = new Uint8Array(600)
        const octets = encodeMessage({ ...request, op: 2, ...fields }, out)
        port.send(out.subarray(0, octets), '255.255.255.255', 68)
      }
    }
  })
  return port
}

const option = (code: number, ...value: number[]) => ({ code, value: Uint8Array.from(value) })
const identifier = (text: string) => option(OptionCode.serverIdentifier, ...octetsOf(text))

t.test('slipway completes every exchange, several at a time', async (t) => {
  const { clients, sockets, clock } = await context()
  const service = await startDhcp({
    environment: { SLIPWAY_DHCP_PROBE: 'off' },
    plan: () => compileDhcp(model).plan,
    sockets,
    log: silentLog(),
    counters: new Counters(),
    clock,
    onLost: (error) => {
      throw error
    },
  })
  const [firmware, bios, ipxe, system] = await Promise.all([
    clients.exchange(firmwareProfile('uefi'), m1.mac),
    clients.exchange(firmwareProfile('bios'), m1.mac),
    clients.exchange(ipxeProfile('uefi'), m1.mac),
    clients.exchange(systemProfile, m1.mac),
  ])
  for (const { offer, ack } of [firmware, bios, ipxe]) {
    for (const message of [offer, ack]) checkLease(message, m1, model, false)
  }
  checkLease(system.ack, m1, model, true)
  checkPxeOffer(firmware.offer)
  checkIpxeOffer(ipxe.offer)
  t.equal(bootFileOf(firmware.offer), 'efi/snponly.efi')
  t.equal(bootFileOf(bios.ack), 'bios/undionly.kpxe')
  t.equal(bootFileOf(ipxe.ack), 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe')
  t.equal(bootFileOf(system.ack), undefined)

  await service.close(0)
  await clients.close()
  t.equal(clock.pending(), 0)
  t.same(sockets.open(), [])
})

t.test('behind a relay agent, requests are unicast with its address, and so are the replies', async (t) => {
  const relay = '192.0.2.99'
  const sockets = memorySockets()
  const service = await startDhcp({
    environment: { SLIPWAY_DHCP_PROBE: 'off' },
    plan: () => compileDhcp(model).plan,
    sockets,
    log: silentLog(),
    counters: new Counters(),
    clock: fakeClock(),
    onLost: () => {},
  })
  const { clients } = await context(sockets, { source: relay, relay: address(relay) })
  t.same(sockets.open().at(-1), '192.0.2.99:67')
  const { offer, ack } = await clients.exchange(firmwareProfile('uefi'), m1.mac)
  for (const message of [offer, ack]) checkLease(message, m1, model, false)
  t.equal(ack.giaddr, address(relay))
  const ends = sockets.flights.map(
    ({ from, to }) => `${from.address}:${from.port} > ${to.address}:${to.port}`,
  )
  t.same(ends.slice(-4), [
    '192.0.2.99:67 > 192.0.2.2:67',
    '192.0.2.2:67 > 192.0.2.99:67',
    '192.0.2.99:67 > 192.0.2.2:67',
    '192.0.2.2:67 > 192.0.2.99:67',
  ])
  await service.close(0)
  await clients.close()
  t.same(sockets.open(), [])
})

t.test('beside another DHCP server, only the boot file is requested, by UEFI firmware twice', async (t) => {
  const site = exampleSite()
  Object.assign(site.subnets[0] as object, { dhcp: 'proxy' })
  Object.assign(site.clusters[0] as object, { loader: 'ipxe' })
  const proxied = exampleModel(site)
  const node = proxied.nodes.find(({ key }) => key === m1.key) as NodeModel
  const { clients, sockets, clock } = await context()
  const service = await startDhcp({
    environment: { SLIPWAY_DHCP_PROBE: 'off' },
    plan: () => compileDhcp(proxied).plan,
    sockets,
    counters: new Counters(),
    clock,
    onLost: () => {},
    log: silentLog(),
  })
  const machine = { node, context: { dhcp: clients } } as unknown as Machine
  const ask = async (profile: DhcpProfile) => {
    const { reply, leased, octets } = await requestBootFile(machine, profile, () =>
      t.fail('there is no lease to check'),
    )
    return [bootFileOf(reply), messageTypeOf(reply), leased, octets > 300]
  }
  t.same(await ask(firmwareProfile('uefi')), ['efi/ipxe.efi', MessageType.ack, 'ProxyDHCP', true])
  t.same(await ask(firmwareProfile('bios')), ['bios/undionly.kpxe', MessageType.offer, 'ProxyDHCP', true])
  const url = 'http://192.0.2.2/boot/ocp45/m1/boot.ipxe'
  t.same(await ask(ipxeProfile('uefi')), [url, MessageType.offer, 'ProxyDHCP', true])
  await service.close(0)
  t.equal(clock.pending(), 0)
})

t.test('boot file and lease come from the same server', async (t) => {
  const { clients, sockets, clock } = await context()
  const service = await startDhcp({
    environment: { SLIPWAY_DHCP_PROBE: 'off' },
    plan: () => compileDhcp(model).plan,
    sockets,
    counters: new Counters(),
    clock,
    onLost: () => {},
    log: silentLog(),
  })
  const machine = { node: m1, context: { dhcp: clients, model } } as unknown as Machine
  const { leased } = await requestBootFile(machine, firmwareProfile('uefi'), checkPxeOffer)
  t.equal(leased, '192.0.2.11')
  await service.close(0)
})

t.test(
  'no reply is a problem; the last attempt comes after the first 4 s, in which a server does not lease',
  async (t) => {
    const { clients, sockets, clock } = await context()
    const failed = clients.exchange(firmwareProfile('uefi'), m1.mac)
    clock.advance(4000)
    t.equal(sockets.flights.length, 3)
    clock.advance(3000)
    await t.rejects(failed, {
      name: 'BootProblem',
      message:
        'expected an OFFER from 192.0.2.2:67 to the UEFI firmware of 00:00:5e:00:53:11; got no reply within 7 s; ' +
        'check whether the server runs (slipway serve), and its log for this MAC address',
    })
    t.equal(sockets.flights.length, 4)
    t.equal(clock.pending(), 0)
  },
)

t.test('the problem lists the servers that replied', async (t) => {
  const { clients, sockets, clock } = await context()
  await serveWith(sockets, () => [
    { options: [option(OptionCode.messageType, MessageType.offer), identifier('192.0.2.66')] },
    { options: [option(OptionCode.messageType, MessageType.offer)] },
  ])
  const failed = clients.exchange(systemProfile, m1.mac)
  await sockets.settled()
  clock.advance(7000)
  await t.rejects(failed, {
    message:
      'expected an OFFER from 192.0.2.2:67 to the live system of 00:00:5e:00:53:11; ' +
      'got replies of other servers only (192.0.2.66, one without a server identifier) within 7 s; ' +
      'check whether the server runs (slipway serve), and its log for this MAC address',
  })
})

t.test('a NAK after an offer is a problem', async (t) => {
  const { clients, sockets } = await context()
  await serveWith(sockets, ({ options }) => {
    const isDiscover = options[0]?.value[0] === MessageType.discover
    const type = isDiscover ? MessageType.offer : MessageType.nak
    return [
      {
        yiaddr: address('192.0.2.11'),
        options: [option(OptionCode.messageType, type), identifier(serverAddress)],
      },
    ]
  })
  await t.rejects(clients.exchange(systemProfile, m1.mac), {
    message:
      'expected an ACK for the offered address 192.0.2.11; got a NAK; ' +
      'check the log of the server for 00:00:5e:00:53:11: perhaps the site was reloaded between offer and ACK',
  })
})

t.test('other datagrams are ignored', async (t) => {
  const { clients, sockets, clock } = await context()
  const noise = await sockets.bindUdp({ address: '192.0.2.2', port: 6700, broadcast: true })
  const offer = [option(OptionCode.messageType, MessageType.offer), identifier(serverAddress)]
  await serveWith(sockets, (request) => {
    noise.send(Uint8Array.of(1, 2, 3), '255.255.255.255', 68)
    return [
      { op: 1, options: offer }, // a request, seen again
      { xid: request.xid ^ 1, options: offer }, // another transaction
      { chaddr: new Uint8Array(16), options: offer }, // another machine
      { options: [option(OptionCode.messageType, MessageType.ack), identifier(serverAddress)] }, // not yet
      { options: [identifier(serverAddress)] }, // no type
    ]
  })
  const failed = clients.exchange(systemProfile, m1.mac)
  await sockets.settled()
  clock.advance(7000)
  await t.rejects(failed, { message: /got no reply within 7 s/ })
})

t.test('if the second socket cannot be opened, the first is closed', async (t) => {
  const sockets = memorySockets()
  await sockets.bindUdp({ address: '192.0.2.99', port: 68 })
  const options = { port: 67, clientPort: 68, address: address(serverAddress) }
  const opened = openDhcpClients({
    sockets: {
      ...sockets,
      bindUdp: (wanted) =>
        wanted.address === '0.0.0.0' ? sockets.bindUdp({ ...wanted, port: 0 }) : sockets.bindUdp(wanted),
    },
    clock: fakeClock(),
    source: '192.0.2.99',
    server: options,
    randomXid: () => 1,
  })
  await t.rejects(opened, { message: 'bind EADDRINUSE 192.0.2.99:68' })
  t.same(sockets.open(), ['192.0.2.99:68'])
})
