import t from 'tap'
import { createLog } from '../../../src/host/log.ts'
import { Counters } from '../../../src/host/counters.ts'
import type { Sockets } from '../../../src/host/udp.ts'
import { formatIpv4 } from '../../../src/proto/address/ip.ts'
import { decodeMessage } from '../../../src/proto/dhcp/message.ts'
import { compileDhcp } from '../../../src/plan/dhcp/compile.ts'
import type { NodeModel } from '../../../src/plan/model.ts'
import type { DhcpCode } from '../../../src/serve/dhcp/codes.ts'
import type { Arrival } from '../../../src/serve/dhcp/decide.ts'
import { startDhcp } from '../../../src/serve/dhcp/service.ts'
import { ask } from '../../support/dhcp-ask.ts'
import { captured, captureModel } from '../../support/dhcp-captures.ts'
import { clientPacket, octetsOf } from '../../support/dhcp-message.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'

/** Compiles the captures' site beside another DHCP server; its nodes get these keys. */
function proxyPlan(keys: Partial<NodeModel> = {}) {
  const model = captureModel({ dhcp: 'proxy', relays: ['10.9.9.9'] })
  const nodes = model.nodes.map((node): NodeModel => ({ ...node, loader: 'ipxe', ...keys }))
  return compileDhcp({ ...model, nodes }).plan
}

const plan = proxyPlan()
const mac = '52:54:00:00:00:11'
const server = [172, 16, 0, 101]
const ovmf = [60, 'PXEClient:Arch:00007:UNDI:003000'] as const
const bios = [60, 'PXEClient:Arch:00000:UNDI:002001'] as const
const uuid = [97, [0, ...new Array<number>(16).fill(7)]] as const

/** The request of OVMF 2022.11 after a ProxyDHCP offer without option 43, from its port 4011. */
const atProxyPort = clientPacket({
  mac,
  type: 'request',
  ciaddr: '172.16.0.11',
  options: [
    [55, [1, 2, 3, 43, 54, 60, 66, 67, 97]],
    [57, [5, 192]],
    ovmf,
    [93, [0, 7]],
    [94, [1, 3, 0]],
    uuid,
  ],
})

const text = (value: Uint8Array | undefined) => Buffer.from(value ?? []).toString('latin1')

const offers = [
  {
    name: 'UEFI firmware sends another request: option 60 without option 43',
    packet: captured('OVMF PXE DISCOVER'),
    codes: [53, 54, 60, 67, 66, 97],
    boots: 'efi/ipxe.efi',
    vendorClass: 'PXEClient',
  },
  {
    name: 'BIOS firmware boots the named file: options 60 and 43',
    packet: clientPacket({ mac, type: 'discover', options: [bios, uuid] }),
    codes: [53, 54, 60, 43, 67, 66, 97],
    boots: 'bios/undionly.kpxe',
    vendorClass: 'PXEClient',
  },
  {
    name: 'UEFI HTTP Boot gets a URL in a reply for HTTPClient',
    packet: captured('OVMF HTTP Boot DISCOVER'),
    codes: [53, 54, 60, 67, 97],
    boots: 'http://172.16.0.101/loaders/efi/ipxe.efi',
    vendorClass: 'HTTPClient',
  },
  {
    name: 'iPXE gets its script in a reply for PXEClient, without no-pxedhcp',
    packet: captured('iPXE EFI DISCOVER'),
    codes: [53, 54, 61, 60, 43, 67, 97],
    boots: 'http://172.16.0.101/boot/ocp4/master-1/boot.ipxe',
    vendorClass: 'PXEClient',
  },
] as const
for (const { name, packet, codes, boots, vendorClass } of offers) {
  t.test(`PXE 2.1 §2.2.3: ${name}`, (t) => {
    const { result, reply } = ask(plan, packet)
    t.match(result, {
      kind: 'boot-offered',
      to: { address: '255.255.255.255', port: 68 },
      about: { bootFile: boots },
    })
    t.same(reply?.codes, codes)
    t.same([reply?.yiaddr, formatIpv4(reply?.siaddr ?? plan.server)], [0, '172.16.0.101'])
    t.same([...(reply?.value(54) ?? [])], server)
    t.equal(text(reply?.value(60)), vendorClass)
    t.equal(text(reply?.value(67)), `${boots}\0`)
    t.equal(reply?.file, boots.length > 127 ? '' : boots)
    t.end()
  })
}

t.test('with pxeOptions, UEFI firmware boots the named file immediately', (t) => {
  const { reply } = ask(proxyPlan({ pxeOptions: true }), captured('OVMF PXE DISCOVER'))
  t.same([...(reply?.value(43) ?? [])], [6, 1, 8, 255])
  t.end()
})

t.test('PXE 2.1 §2.2.3: a REQUEST at port 4011 is acknowledged to its sender', (t) => {
  const { result, reply } = ask(plan, atProxyPort, 'proxy-port')
  t.match(result, {
    kind: 'boot-acknowledged',
    to: 'sender',
    about: { node: 'ocp4/master-1', bootFile: 'efi/ipxe.efi' },
  })
  t.same(reply?.codes, [53, 54, 60, 67, 66, 97])
  t.same([...(reply?.value(53) ?? [])], [5])
  t.same([reply?.yiaddr, formatIpv4(reply?.ciaddr ?? plan.server)], [0, '172.16.0.11'])
  t.end()
})

t.test('RFC 5107: the reply names this server, not the relay agent, which does not serve port 4011', (t) => {
  const override = [82, [5, 4, 172, 16, 0, 1, 11, 4, 172, 16, 0, 1]] as const
  const packet = clientPacket({ mac, type: 'discover', giaddr: '10.9.9.9', options: [ovmf, override] })
  const { result, reply } = ask(plan, packet)
  t.match(result, { kind: 'boot-offered', to: { address: '10.9.9.9', port: 67 } })
  t.same([...(reply?.value(54) ?? [])], server)
  t.same(reply?.codes.at(-1), 82)
  t.end()
})

const otherLease = 'another DHCP server leases the address'
const silences: readonly {
  name: string
  packet: Uint8Array
  arrival?: Arrival
  kind: string
  code: DhcpCode
  reason: string
}[] = [
  {
    name: 'the REQUEST for a lease',
    packet: captured('OVMF PXE REQUEST'),
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: otherLease,
  },
  {
    name: 'a REQUEST for a wrong address: nothing is refused',
    packet: clientPacket({ mac, type: 'request', options: [[50, octetsOf('10.0.0.9')], ovmf] }),
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: otherLease,
  },
  {
    name: 'INFORM, DECLINE and RELEASE',
    packet: clientPacket({ mac, type: 'inform', ciaddr: '172.16.0.11', options: [ovmf] }),
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: otherLease,
  },
  {
    name: 'a DISCOVER at port 4011',
    packet: captured('OVMF PXE DISCOVER'),
    arrival: 'proxy-port',
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: otherLease,
  },
  {
    name: 'an installed system of a node',
    packet: clientPacket({ mac, type: 'discover', options: [[60, 'udhcp 1.35.0']] }),
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: `not a network boot, and ${otherLease}`,
  },
  {
    name: 'a host',
    packet: captured('udhcpc DISCOVER'),
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: `not a network boot, and ${otherLease}`,
  },
  {
    name: 'an undeclared machine that does not boot',
    packet: clientPacket({ mac: '52:54:00:00:00:98', type: 'discover' }),
    kind: 'not-ours',
    code: 'dhcp.leased-by-other-server',
    reason: 'undeclared machine on a network whose addresses another DHCP server leases',
  },
  {
    name: 'an undeclared machine that boots',
    packet: captured('OVMF PXE DISCOVER, MAC not declared'),
    kind: 'unknown-client',
    code: 'dhcp.no-reservation',
    reason: 'no reservation for 52:54:00:00:00:99 on 172.16.0.0/24',
  },
  {
    name: 'firmware without a loader',
    packet: clientPacket({ mac, type: 'discover', options: [[60, 'PXEClient:Arch:00027']] }),
    kind: 'ignored',
    code: 'dhcp.no-boot-file',
    reason: 'no boot file for client system architecture 27 (riscv64 UEFI)',
  },
  {
    name: 'a REQUEST at port 4011 for another boot server',
    packet: clientPacket({ mac, type: 'request', options: [ovmf, [54, octetsOf('172.16.0.9')]] }),
    arrival: 'proxy-port',
    kind: 'ignored',
    code: 'dhcp.other-boot-server',
    reason: 'request for the boot server 172.16.0.9',
  },
  {
    name: 'a machine on another network',
    packet: clientPacket({ mac, type: 'discover', giaddr: '10.0.0.1', options: [ovmf] }),
    kind: 'ignored',
    code: 'dhcp.unknown-relay',
    reason: '10.0.0.1 is not a relay agent of the network of 10.0.0.1',
  },
]
for (const { name, packet, arrival, kind, code, reason } of silences) {
  t.test(`not answered: ${name}`, (t) => {
    const { result } = ask(plan, packet, arrival)
    t.equal(result.kind, kind)
    t.match('about' in result ? result.about : result, { code, reason })
    t.end()
  })
}

t.test('a machine with a lease from here is not answered at port 4011', (t) => {
  const { plan: full } = compileDhcp(captureModel())
  t.match(ask(full, atProxyPort, 'proxy-port').result, {
    kind: 'ignored',
    about: {
      code: 'dhcp.boot-file-in-lease',
      reason: 'ProxyDHCP request ignored: the lease already names the boot file',
    },
  })
  t.end()
})

async function running(sockets: Sockets) {
  const lines: Record<string, unknown>[] = []
  const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>)
  const counters = new Counters()
  const service = await startDhcp({
    plan: () => plan,
    sockets,
    counters,
    clock: fakeClock(),
    onLost: () => {},
    log: createLog('debug', { write }),
  })
  return { service, counters, lines }
}

t.test("a request from firmware's port 4011 is answered from our port 4011", async (t) => {
  const network = memorySockets()
  const { service, counters, lines } = await running(network)
  t.same(service.listening, ['udp 0.0.0.0:67', 'udp 172.16.0.101:67', 'udp 172.16.0.101:4011'])
  const firmware = await network.bindUdp({ address: '172.16.0.11', port: 4011 })
  const heard = inbox(firmware)
  firmware.send(atProxyPort, '172.16.0.101', 4011)
  await network.settled()
  t.same(
    heard.all.map(({ payload, address, port }) => [decodeMessage(payload).file, `${address}:${port}`]),
    [['efi/ipxe.efi', '172.16.0.101:4011']],
  )
  const client = await network.bindUdp({ address: '0.0.0.0', port: 68, broadcast: true })
  client.send(captured('OVMF PXE DISCOVER'), '255.255.255.255', 67)
  await network.settled()
  t.same(
    lines.map(({ level, msg, node, bootFile }) => [level, msg, node, bootFile]),
    [
      ['info', 'boot file acknowledged', 'ocp4/master-1', 'efi/ipxe.efi'],
      ['info', 'boot file offered', 'ocp4/master-1', 'efi/ipxe.efi'],
    ],
  )
  t.same(counters.snapshot(), { 'dhcp.bootAcknowledged': 1, 'dhcp.bootOffered': 1 })
  await service.close(0)
  t.same(network.open(), ['172.16.0.11:4011', '0.0.0.0:68'])
})

t.test('when port 4011 cannot be opened, the other sockets are closed again', async (t) => {
  const network = memorySockets()
  await network.bindUdp({ address: '172.16.0.101', port: 4011 })
  await t.rejects(running(network), { message: 'bind EADDRINUSE 172.16.0.101:4011' })
  t.same(network.open(), ['172.16.0.101:4011'])
})
