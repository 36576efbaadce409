/** Reverse names (RFC 1035 §3.5, RFC 3596 §2.5): which zones we own, and which name each address leads back to. */
import { isIpv4, type Ip } from '../../proto/address/ip.ts'
import { formatIpv4, ipv4Octets, type Cidr, type Ipv4 } from '../../proto/address/ipv4.ts'
import { ipv6Octets } from '../../proto/address/ipv6.ts'
import type { Cluster } from '../../site/schema.ts'
import { endpointsOf } from '../../site/endpoints.ts'
import { clusterDomain, type Model } from '../model.ts'

/** An address and the names that it leads back to. */
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
 * The zones of a subnet, on octet boundaries: a /24 is one zone, a /23 two, and what is smaller than a /24
 * lies in the zone of its /24.
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

/** The zones of the subnets, and for IPv6, of which a site declares no networks, the /64 of each address. */
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
 * A node's address leads to the node and to nothing else: a node whose address leads to `api` takes that for
 * its own name, and bootstrapping fails (openshift/installer#6146). Other addresses lead to their hosts, and
 * a load balancer's to api and api-int. Nobody asks where a wildcard's address leads, nor where that of a hosted
 * control plane does: it is some node of the cluster that hosts it.
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

/** `172.16.0.0/28` lies in the zone of `172.16.0.0/24`: the network that is served whole. */
export function servedWhole(cidr: Cidr): string | undefined {
  return cidr.prefix > 24 ? `${formatIpv4((cidr.network & ~255) as Ipv4)}/24` : undefined
}
