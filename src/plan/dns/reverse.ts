/** Reverse names (RFC 1035 §3.5, RFC 3596 §2.5): the reverse zones of the site, and the names of each address. */
import {
  isIpv4,
  type Ip,
  formatIpv4,
  ipv4Octets,
  type Cidr,
  type Ipv4,
  ipv6Octets,
} from '../../proto/address/ip.ts'
import type { Cluster } from '../../site/schema.ts'
import { endpointsOf } from '../../site/endpoints.ts'
import { clusterDomain, type Model } from '../model.ts'

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
export function reverseNames({ site, nodes }: Model): ReverseNames[] {
  const ofNodes = nodes.flatMap((node) => node.addresses.map((address) => [address, node.fqdn] as const))
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
  return nodes.some(({ role }) => role !== 'worker' && role !== 'infra')
}

/** Returns the /24 that a smaller subnet is part of: `172.16.0.0/28` is in the zone of `172.16.0.0/24`. */
export function servedWhole(cidr: Cidr): string | undefined {
  return cidr.prefix > 24 ? `${formatIpv4((cidr.network & ~255) as Ipv4)}/24` : undefined
}
