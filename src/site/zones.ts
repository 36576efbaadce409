/**
 * The forward zones of a site. They contain what the site declares and nothing else, so that names of the same domain that
 * other servers have still resolve (docs/decisions/0038-zone-cut.md). Pure.
 */
import { declaredClusters, enclosingZone } from './declared.ts'
import type { DnsRecord, Site } from './schema.ts'

/** A domain that is served whole although `dns.zones` does not list it, and the entry that requires it. */
export type RequiredZone = { readonly zone: string; readonly by: string }

/**
 * Returns the zones of `dns.zones`, those that records require, the domain of each cluster outside of these, and each
 * other declared name as a zone that contains only this name.
 */
export function forwardZoneNames(site: Site): string[] {
  const whole = new Set([...(site.dns.zones ?? []), ...requiredZones(site).map(({ zone }) => zone)])
  const clusters = declaredClusters(site)
    .map(({ domain }) => domain)
    .filter((domain) => enclosingZone(domain, whole) === undefined)
  const zones = new Set([...whole, ...clusters])
  for (const name of singleNames(site)) if (enclosingZone(name, zones) === undefined) zones.add(name)
  return [...zones]
}

/**
 * Returns the base domains with a record that cannot be the apex of a zone: an alias (RFC 1034 §3.6.2), a delegation, a
 * wildcard; and those that are themselves a declared name. A site that sets `dns.zones` decides itself.
 */
export function requiredZones(site: Site): RequiredZone[] {
  if (site.dns.zones !== undefined) return []
  const clusters = new Set(declaredClusters(site).map(({ domain }) => domain))
  const bases = baseDomains(site)
  const found = new Map<string, RequiredZone>()
  const require = (name: string, by: string) => {
    const zone = enclosingZone(name, bases)
    if (zone === undefined || enclosingZone(name, clusters) !== undefined) return
    if (!found.has(zone)) found.set(zone, { zone, by })
  }
  for (const { name } of site.hosts) if (bases.has(name)) require(name, `host ${name}`)
  for (const record of site.dns.records) {
    if (bases.has(record.name) || !canBeApex(record)) require(record.name, `record ${record.name}`)
  }
  return [...found.values()]
}

export function baseDomains(site: Site): Set<string> {
  return new Set(site.clusters.map((cluster) => cluster.domain))
}

/** Returns hosts, and the records and name servers in a base domain; a name follows its ancestors. */
function singleNames(site: Site): string[] {
  const bases = baseDomains(site)
  const others = [
    ...site.dns.records.filter(canBeApex).map(({ name }) => name),
    ...(site.dns.nameServers ?? []),
  ].filter((name) => enclosingZone(name, bases) !== undefined)
  return [...site.hosts.map(({ name }) => name), ...others].sort((a, b) => a.length - b.length)
}

function canBeApex({ name, cname, ns }: DnsRecord): boolean {
  return cname === undefined && ns === undefined && !name.startsWith('*.')
}
