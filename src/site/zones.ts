/** Which zones a site's names lie in, and which name answers for another (RFC 1034 §4.3.2, RFC 4592 §3.3). */
import type { Site } from './schema.ts'

/**
 * The base domains of clusters; and each host that lies in none of them is a zone of its own. Its parent is
 * not claimed: `registry.example.net` declared here must not hide the rest of example.net.
 */
export function forwardZoneNames(site: Site): string[] {
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
export function enclosingZone(name: string, zones: { has(zone: string): boolean }): string | undefined {
  return withAncestors(name).find((ancestor) => zones.has(ancestor))
}

/**
 * The name whose records answer a question for `name`: itself, or the wildcard below its closest encloser.
 *
 * @param names all that exist, with the empty ones between them
 * @returns nothing when there is no such name
 */
export function answeringName(name: string, names: { has(name: string): boolean }): string | undefined {
  if (names.has(name)) return name
  const encloser = enclosingZone(name, names)
  return encloser !== undefined && names.has(`*.${encloser}`) ? `*.${encloser}` : undefined
}
