/** The names that a site declares with addresses, and the limits of names. */
import type { Ip } from '../../proto/address/ip.ts'
import { endpointsOf } from '../../site/endpoints.ts'
import { clusterDomain, type Model } from '../model.ts'

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
export function declaredNames({ site, nodes }: Model): DeclaredName[] {
  return [
    ...nodes.map(({ fqdn, addresses, key }) => ({ owner: fqdn, addresses, by: `node ${key}` })),
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
