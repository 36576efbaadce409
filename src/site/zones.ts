/** The zones of a site, and the search for a name in them (RFC 1034 §4.3.2, RFC 4592 §3.3). */
import type { Site } from './schema.ts'

/**
 * Returns the base domains of the clusters, and each host outside of these as a zone that contains only the host. The
 * parent domain is not claimed: declaring `registry.example.net` must not hide the rest of example.net.
 */
export function forwardZoneNames(site: Site): string[] {
  const zones = new Set(site.clusters.map((cluster) => cluster.domain))
  const hosts = site.hosts.map((host) => host.name).sort((a, b) => a.length - b.length)
  for (const host of hosts) if (enclosingZone(host, zones) === undefined) zones.add(host)
  return [...zones]
}

/** Returns the name and its ancestors without the root, longest first: `a.b.c`, `b.c`, `c`. */
export function withAncestors(name: string): string[] {
  const labels = name.split('.')
  return labels.map((_, index) => labels.slice(index).join('.'))
}

/** Returns the longest of `zones` that contains `name`. */
export function enclosingZone(name: string, zones: { has(zone: string): boolean }): string | undefined {
  return withAncestors(name).find((ancestor) => zones.has(ancestor))
}

/**
 * Returns the name whose records answer a query for `name`: the name itself, or the wildcard at its closest encloser.
 *
 * @param names all existing names, including empty non-terminals
 * @returns undefined if the name does not exist
 */
export function answeringName(name: string, names: { has(name: string): boolean }): string | undefined {
  if (names.has(name)) return name
  const encloser = enclosingZone(name, names)
  return encloser !== undefined && names.has(`*.${encloser}`) ? `*.${encloser}` : undefined
}
