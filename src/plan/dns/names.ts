/**
 * The names that a site declares with addresses, the names of each address (RFC 1035 §3.5, RFC 3596 §2.5), the limits of names,
 * the zones that every resolver serves itself and does not forward (RFC 6761 §6.3 and §6.4, RFC 6303 §3 and §4.2), and the
 * resolvers for other names.
 */
import type { ResolverAddress } from '../../site/dns-section.ts'
import {
  formatIp,
  formatIpv4,
  ipv4Octets,
  ipv6Octets,
  isIpv4,
  parseIpv4,
  parseIpv6,
  type Cidr,
  type Ip,
  type Ipv4,
  type Ipv6,
} from '../../proto/address/ip.ts'
import { encodeName } from '../../proto/dns/name.ts'
import type { RecordData } from '../../proto/dns/record.ts'
import { endpointsOf } from '../../site/declared.ts'
import type { Cluster } from '../../site/schema.ts'
import { clusterDomain, type Model } from '../model.ts'
import type { DnsPlan, ForwardZone, Resolver, Zone } from './plan.ts'

/** A name with its addresses and the part of the site that declares it. */
export type DeclaredName = {
  readonly owner: string
  readonly addresses: readonly Ip[]
  /** `node ocp45/m1`, `host ns1.example.localdomain`, `record git.example.localdomain` */
  readonly by: string
  /** TTL of these records, if it is not that of the site. */
  readonly ttlSeconds?: number
}

/** RFC 1035 §2.3.4: 255 octets are 253 characters without the last dot. */
export const maxNameLength = 253

/** Whether the mailbox of the zone, the longest of its standard names, is short enough. */
export function isValidZoneName(zone: string): boolean {
  return isValidOwnerName(mailbox(zone))
}

/** Returns the RNAME of the SOA record where the site has no contact. */
export function mailbox(zone: string): string {
  return `root.${zone}`
}

export function isValidOwnerName(name: string): boolean {
  return name.length <= maxNameLength
}

/** Nodes, clusters, hosts, records. Only apps has a wildcard: a wider one breaks name resolution in pods. */
export function declaredNames({ site, members }: Model): DeclaredName[] {
  return [
    ...members.map(({ fqdn, addresses, key }) => ({ owner: fqdn, addresses, by: `node ${key}` })),
    ...site.clusters.flatMap((cluster) => {
      const { api, apiInternal, ingress } = endpointsOf(cluster)
      const below = clusterDomain(cluster)
      const by = `${cluster.loadBalancer === undefined ? 'single node' : 'loadBalancer'} of ${cluster.name}`
      return [
        { owner: `api.${below}`, addresses: api, by },
        { owner: `api-int.${below}`, addresses: apiInternal, by },
        { owner: `*.apps.${below}`, addresses: ingress, by },
      ]
    }),
    ...site.hosts.map(({ name, address }) => ({ owner: name, addresses: address, by: `host ${name}` })),
    ...site.dns.records.flatMap(({ name, address, ttlSeconds = site.dns.ttlSeconds }) =>
      address === undefined ? [] : [{ owner: name, addresses: address, by: `record ${name}`, ttlSeconds }],
    ),
  ]
}

/** An address and the targets of its PTR records. */
export type ReverseNames = { readonly address: Ip; readonly targets: readonly string[] }

/** `21.0.16.172.in-addr.arpa`, or 32 nibbles under ip6.arpa. */
export function reverseName(address: Ip): string {
  if (isIpv4(address)) return `${[...ipv4Octets(address)].reverse().join('.')}.in-addr.arpa`
  const nibbles = [...ipv6Octets(address)].flatMap((octet) => [octet >>> 4, octet & 15])
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}.ip6.arpa`
}

/**
 * Returns the zones of a subnet on octet boundaries: a /24 is one zone, a /23 two; a smaller subnet uses the zone of
 * its /24.
 */
export function subnetZones(cidr: Cidr): string[] {
  const bits = Math.min(24, Math.max(8, Math.ceil(cidr.prefix / 8) * 8))
  const count = 2 ** Math.max(0, bits - cidr.prefix)
  const size = 2 ** (32 - bits)
  const hostLabels = (32 - bits) / 8 // the first labels of `d.c.b.a.in-addr.arpa`
  return Array.from({ length: count }, (_, index) => {
    const labels = reverseName((cidr.network + index * size) as Ipv4).split('.')
    return labels.slice(hostLabels).join('.')
  })
}

/** Returns the zones of the subnets. A site declares no IPv6 networks, so each IPv6 address adds its /64. */
export function reverseZoneNames({ site }: Model, names: readonly ReverseNames[]): string[] {
  const ipv6 = names.filter(({ address }) => !isIpv4(address))
  return [
    ...new Set([
      ...site.subnets.flatMap((subnet) => subnetZones(subnet.cidr)),
      ...ipv6.map(({ address }) => reverseName(address).slice(32)), // 16 nibbles and their dots
    ]),
  ]
}

/**
 * Returns the PTR targets of all addresses. The address of a node has the name of the node only: a node whose address
 * resolves to `api` takes that as its host name, and bootstrapping fails (openshift/installer#6146). Addresses of hosts
 * get the host names, those of a load balancer api and api-int. Addresses of wildcards and of hosted control planes get
 * none.
 */
export function reverseNames({ site, members }: Model): ReverseNames[] {
  const ofNodes = members.flatMap((node) => node.addresses.map((address) => [address, node.fqdn] as const))
  const taken = new Set(ofNodes.map(([address]) => address))
  const ofOthers = [
    ...site.hosts.flatMap((host) => host.address.map((address) => [address, host.name] as const)),
    ...site.clusters.filter(hasControlPlane).flatMap((cluster) => {
      const { api, apiInternal } = endpointsOf(cluster)
      const below = clusterDomain(cluster)
      return [
        ...api.map((address) => [address, `api.${below}`] as const),
        ...apiInternal.map((address) => [address, `api-int.${below}`] as const),
      ]
    }),
  ].filter(([address]) => !taken.has(address))

  const byAddress = new Map<Ip, Set<string>>()
  for (const [address, target] of [...ofNodes, ...ofOthers]) {
    byAddress.set(address, (byAddress.get(address) ?? new Set()).add(target))
  }
  return [...byAddress].map(([address, targets]) => ({ address, targets: [...targets] }))
}

function hasControlPlane({ nodes }: Cluster): boolean {
  return nodes.some(({ role }) => role === 'bootstrap' || role === 'master' || role === 'single')
}

/** Returns the /24 that a smaller subnet is part of: `172.16.0.0/28` is in the zone of `172.16.0.0/24`. */
export function servedWhole(cidr: Cidr): string | undefined {
  return cidr.prefix > 24 ? `${formatIpv4((cidr.network & ~255) as Ipv4)}/24` : undefined
}

/** RFC 6303 §3 */
const ttlSeconds = 10_800
const times = { serial: 1, refresh: 3600, retry: 1200, expire: 604_800, minimum: 10_800 }

const ipv4 = parseIpv4('127.0.0.1') as Ipv4
const ipv6 = parseIpv6('::1') as Ipv6
const addresses: readonly RecordData[] = [
  { type: 'A', address: ipv4 },
  { type: 'AAAA', address: ipv6 },
]
const pointer: readonly RecordData[] = [{ type: 'PTR', target: 'localhost' }]

export const localZones: readonly Zone[] = [
  zone('localhost', { localhost: addresses, '*.localhost': addresses }),
  zone('invalid', {}),
  zone('127.in-addr.arpa', { [reverseName(ipv4)]: pointer }),
  zone(reverseName(ipv6), { [reverseName(ipv6)]: pointer }),
]

function zone(name: string, names: Readonly<Record<string, readonly RecordData[]>>): Zone {
  const apex: RecordData[] = [
    { type: 'SOA', mname: 'localhost', rname: 'nobody.invalid', ...times },
    // RFC 6303 §3 uses the zone itself, but a name server needs an address.
    { type: 'NS', target: 'localhost' },
  ]
  const records = [[name, apex] as const, ...Object.entries(names)]
  return {
    name,
    records: records.flatMap(([owner, datas]) => datas.map((data) => ({ owner, ttlSeconds, data }))),
  }
}

// The resolvers for names outside the site: the default ones, and those of single zones.

export function compileForwarding(
  model: Model,
): Pick<DnsPlan, 'resolvers' | 'forwardZones' | 'isForwarding'> {
  const { forward, forwardZones } = model.site.dns
  const resolversAt = (servers: readonly ResolverAddress[]): Resolver[] =>
    servers
      .filter((server) => !isThisServer(model, server))
      .map(({ address, port }) => ({ address: formatIp(address), port }))
  const resolvers = resolversAt(forward)
  const zones = forwardZones.map(({ zone, servers }): ForwardZone => {
    const labels = zone.split('.').length
    return { zone, name: encodeName(zone), labels, resolvers: resolversAt(servers) }
  })
  return {
    resolvers,
    forwardZones: zones.sort((a, b) => b.labels - a.labels),
    isForwarding: resolvers.length > 0 || zones.some((zone) => zone.resolvers.length > 0),
  }
}

/** Whether the resolver is this server. */
export function isThisServer({ endpoint }: Model, { address, port }: ResolverAddress): boolean {
  return port === endpoint.ports.dns && address === endpoint.address
}
