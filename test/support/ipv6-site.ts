/** A site with IPv6 networks, and messages of DHCPv6 clients, for tests. */
import { compileDhcpv6 } from '../../src/plan/dhcpv6/compile.ts'
import type { Dhcpv6Plan } from '../../src/plan/dhcpv6/plan.ts'
import type { Model } from '../../src/plan/model.ts'
import { ipv6Octets, parseIpv6, type Ipv6 } from '../../src/proto/address/ip.ts'
import type { Mac } from '../../src/proto/address/mac.ts'
import { Writer } from '../../src/proto/bytes.ts'
import { linkLayerDuid } from '../../src/proto/dhcpv6/duid.ts'
import { encodeMessage, MessageType } from '../../src/proto/dhcpv6/message.ts'
import { OptionCode, putAssociation, type Dhcpv6Option } from '../../src/proto/dhcpv6/option.ts'
import { encodeNumbers, encodeVendorClass } from '../../src/proto/dhcpv6/values.ts'
import { exampleModel, exampleSite } from './model.ts'

export const m1Mac = '00:00:5e:00:53:11' as Mac
export const w1Mac = '00:00:5e:00:53:21' as Mac
export const i1Duid = '00:04:4c:4c:45:44:00:35:4e:10:80:53:b7:c0:4f:4d:32:31'

/** `m1` has only an IPv6 address, `w1` boots over IPv4, `i1` over IPv6 with a declared DUID, `far` is behind a relay. */
export function ipv6Site() {
  const site = exampleSite()
  const [cluster] = site.clusters
  const [bs, m1, w1, i1] = cluster!.nodes
  Object.assign(m1!, { address: 'fd00:16::11' })
  Object.assign(w1!, { address: ['192.0.2.21', 'fd00:16::21'] })
  Object.assign(i1!, { address: ['fd00:16::31', '192.0.2.31'], duid: i1Duid })
  const far = { name: 'w2', role: 'worker', mac: '00:00:5e:00:53:22', address: 'fd00:17::22' }
  cluster!.nodes = [bs!, m1!, w1!, i1!, far]
  const hosts = [
    { name: 'switch.example.net', mac: '00:00:5e:00:53:99', address: 'fd00:16::99' },
    { name: 'name-only.example.net', address: 'fd00:16::98' },
    { name: 'elsewhere.example.net', mac: '00:00:5e:00:53:97', address: ['192.0.2.97', '2001:db8::97'] },
  ]
  return {
    ...site,
    hosts,
    server: { ...site.server, address6: 'fd00:16::101', interface: 'ens4' } as Record<string, unknown>,
    subnets6: [
      { cidr: 'fd00:16::/64' },
      { cidr: 'fd00:17::/64', relays: ['fd00:17::1'], search: ['far.example.net'], leaseSeconds: 300 },
    ] as Record<string, unknown>[],
  }
}

export function ipv6Model(site: Record<string, unknown> = ipv6Site()): Model {
  return exampleModel(site as ReturnType<typeof exampleSite>)
}

export function ipv6Plan(site?: Record<string, unknown>): Dhcpv6Plan {
  return compileDhcpv6(ipv6Model(site)) as Dhcpv6Plan
}

export const octets6 = (text: string): Uint8Array => ipv6Octets(parseIpv6(text) as Ipv6)

/** The link-local address that a machine derives from its MAC address. */
export function linkLocal(mac: Mac): string {
  const [a = '', b, c, d, e, f] = mac.split(':')
  const first = (Number.parseInt(a, 16) ^ 2).toString(16).padStart(2, '0')
  return parseIpv6(`fe80::${first}${b}:${c}ff:fe${d}:${e}${f}`) as string
}

export type ClientOptions = {
  readonly clientId?: Uint8Array | null
  readonly serverId?: Uint8Array
  /** The addresses of an IA_NA; without it, there is no IA_NA. */
  readonly addresses?: readonly string[]
  readonly others?: readonly Dhcpv6Option[]
}

/** Encodes a message of a client, by default of `m1` with a DUID-LL. */
export function clientMessage(
  type: number,
  { clientId, serverId, addresses, others = [] }: ClientOptions = {},
) {
  const option = (code: number, value: Uint8Array): Dhcpv6Option => ({ code, value })
  return encodeMessage({
    kind: 'client',
    type,
    transactionId: 0xabcdef,
    options: [
      ...(clientId === null ? [] : [option(OptionCode.clientId, clientId ?? linkLayerDuid(m1Mac))]),
      ...(serverId === undefined ? [] : [option(OptionCode.serverId, serverId)]),
      ...(addresses === undefined ? [] : [option(OptionCode.iaNa, association(addresses))]),
      ...others,
    ],
  })
}

/** Encodes the message of a relay agent with the message of a client, by default of `m1` on its link. */
export function relayedMessage(
  inner: Uint8Array,
  { link = 'fd00:16::1', peer = linkLocal(m1Mac), options = [] as readonly Dhcpv6Option[] } = {},
): Uint8Array {
  return encodeMessage({
    kind: 'relay',
    type: MessageType.relayForward,
    hopCount: 0,
    linkAddress: link as Ipv6,
    peerAddress: peer as Ipv6,
    options: [...options, { code: OptionCode.relayMessage, value: inner }],
  })
}

/** Encodes the value of an association. */
export function association(addresses: readonly string[], iaid = 1): Uint8Array {
  const writer = new Writer(new Uint8Array(1000))
  putAssociation(
    writer,
    OptionCode.iaNa,
    Uint8Array.of(0, 0, 0, iaid),
    { t1: 0, t2: 0 },
    {
      addresses: addresses.map((address) => ({ address: octets6(address), preferred: 0, valid: 0 })),
    },
  )
  return writer.octets.slice(4, writer.offset)
}

/** Options of UEFI firmware that boots from the network. */
export function firmwareOptions(architecture: number, protocol: 'PXEClient' | 'HTTPClient'): Dhcpv6Option[] {
  const text = `${protocol}:Arch:${String(architecture).padStart(5, '0')}:UNDI:003010`
  return [
    { code: OptionCode.clientArchitecture, value: encodeNumbers([architecture]) },
    { code: OptionCode.vendorClass, value: encodeVendorClass(343, [text]) },
    { code: OptionCode.optionRequest, value: encodeNumbers([59, 60, 23]) },
  ]
}
