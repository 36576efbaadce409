/** Which names a site declares, and the zones that hold them. */
import type { Ip } from '../../proto/address/ip.ts'
import { entrancesOf } from '../../site/entrances.ts'
import { clusterDomain, type Model } from '../model.ts'

/** A name with its addresses, and who declares it. */
export type DeclaredName = {
  readonly owner: string
  readonly addresses: readonly Ip[]
  /** `node ocp45/m1`, `host ns1.example.localdomain` */
  readonly by: string
}

/** RFC 1035 §2.3.4: 255 octets on the wire are 253 characters without the last dot. */
export const longestName = 253

/** Whether a zone leaves room for its mailbox, the longest of the names that every zone has. */
export function isZoneThatFits(zone: string): boolean {
  return isNameThatFits(mailbox(zone))
}

/** RNAME of the SOA where the site gives no contact. */
export function mailbox(zone: string): string {
  return `root.${zone}`
}

export function isNameThatFits(name: string): boolean {
  return name.length <= longestName
}

/** Nodes, the cluster's own names, hosts. The wildcard is under apps and nowhere else: a wider one breaks pods. */
export function declaredNames({ site, nodes }: Model): DeclaredName[] {
  return [
    ...nodes.map(({ fqdn, addresses, key }) => ({ owner: fqdn, addresses, by: `node ${key}` })),
    ...site.clusters.flatMap((cluster) => {
      const { api, apiInternal, ingress } = entrancesOf(cluster)
      const below = clusterDomain(cluster)
      const by = `${cluster.loadBalancer === undefined ? 'single node' : 'loadBalancer'} of ${cluster.name}`
      return [
        { owner: `api.${below}`, addresses: api, by },
        { owner: `api-int.${below}`, addresses: apiInternal, by },
        { owner: `*.apps.${below}`, addresses: ingress, by },
      ]
    }),
    ...site.hosts.map(({ name, address }) => ({ owner: name, addresses: address, by: `host ${name}` })),
  ]
}

/**
 * The base domains of clusters; and each host that lies in none of them is a zone of its own. Its parent is
 * not claimed: `registry.example.net` declared here must not hide the rest of example.net.
 */
export function forwardZoneNames({ site }: Model): string[] {
  const zones = new Set(site.clusters.map((cluster) => cluster.domain))
  const hosts = site.hosts.map((host) => host.name).sort((a, b) => a.length - b.length)
  for (const host of hosts) if (enclosingZone(host, zones) === undefined) zones.add(host)
  return [...zones]
}

/** The name itself and what is above it, longest first, without the root: `a.b.c`, `b.c`, `c`. */
export function withAncestors(name: string): string[] {
  const labels = name.split('.')
  return labels.map((_, index) => labels.slice(index).join('.'))
}

/** The longest of `zones` that holds `name`. */
export function enclosingZone(name: string, zones: ReadonlySet<string>): string | undefined {
  return withAncestors(name).find((ancestor) => zones.has(ancestor))
}
