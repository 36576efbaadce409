/**
 * The clusters, nodes, and machines of a site as flat lists with their paths, the addresses of a cluster's names, and the
 * search for a name in zones (RFC 1034 §4.3.2, RFC 4592 §3.3).
 */
import { isIpv4, type Ip, type Ipv4 } from '../proto/address/ip.ts'
import type { Mac } from '../proto/address/mac.ts'
import type { Path } from './problem.ts'
import type { Cluster, DnsRecord, Group, GroupNode, Node, Site } from './schema.ts'

type DeclaredCluster = { readonly path: Path; readonly cluster: Cluster; readonly domain: string }
/** Keys of clusters that groups do not have. */
type Unused = Readonly<Partial<Record<'script' | 'http', undefined>>>
/** What declares nodes. */
export type Owner = Cluster | (Group & Unused)
export type OwnedNode = Node | (GroupNode & Unused)
export type DeclaredNode = {
  readonly path: Path
  readonly cluster: Owner
  readonly node: OwnedNode
  readonly fqdn: string
}
export type ClusterNode = DeclaredNode & DeclaredCluster & { readonly node: Node }

/** A node or a host. */
export type Machine = {
  readonly kind: 'node' | 'host'
  readonly path: Path
  /** Fully qualified. */
  readonly name: string
  /** Empty if DHCP does not serve it. */
  readonly macs: readonly Mac[]
  readonly addresses: readonly Ip[]
}

/** An address and its path in the site file. */
export type DeclaredAddress = { readonly path: Path; readonly address: Ip }

export function declaredClusters(site: Site): DeclaredCluster[] {
  return site.clusters.map((cluster, index) => ({
    path: ['clusters', index],
    cluster,
    domain: `${cluster.name}.${cluster.domain}`,
  }))
}

export function nodesOf(declared: DeclaredCluster): ClusterNode[] {
  return declared.cluster.nodes.map((node, index) => ({
    ...declared,
    path: [...declared.path, 'nodes', index],
    node,
    fqdn: nodeFqdn(declared.cluster, node),
  }))
}

export function declaredGroups(site: Site): { readonly path: Path; readonly cluster: Group }[] {
  return site.groups.map((cluster, index) => ({ path: ['groups', index], cluster }))
}

/** Returns the machines of all groups. */
export function groupNodes(
  site: Site,
): (DeclaredNode & { readonly cluster: Group; readonly node: GroupNode })[] {
  return declaredGroups(site).flatMap(({ path, cluster }) =>
    cluster.nodes.map((node, index) => ({
      path: [...path, 'nodes', index],
      cluster,
      node,
      fqdn: nodeFqdn(cluster, node),
    })),
  )
}

/** Reports whether this is a group of machines that belong to no cluster. */
export function isGroup(owner: Owner): owner is Group {
  return !('approve' in owner)
}

/** Returns the full name of a node: the declared one, or the one that follows the pattern of OpenShift, or of its group. */
export function nodeFqdn(owner: Owner, { name, fqdn }: Pick<Node, 'name' | 'fqdn'>): string {
  return fqdn ?? (isGroup(owner) ? `${name}.${owner.domain}` : `${name}.${owner.name}.${owner.domain}`)
}

/** Reports whether slipway boots the machine of a node (`boot` is not `none`). */
export function isBooted(cluster: Pick<Owner, 'boot'>, node: Pick<Node, 'boot'>): boolean {
  return (node.boot ?? cluster.boot) !== 'none'
}

export function declaredNodes(site: Site): DeclaredNode[] {
  return [...declaredClusters(site).flatMap(nodesOf), ...groupNodes(site)]
}

/** Returns all nodes, then all hosts. */
export function machines(site: Site): Machine[] {
  return [
    ...declaredNodes(site).map(({ path, node, fqdn }): Machine => ({
      kind: 'node',
      path,
      name: fqdn,
      macs: node.mac ?? [],
      addresses: node.address,
    })),
    ...site.hosts.map((host, index): Machine => ({
      kind: 'host',
      path: ['hosts', index],
      name: host.name,
      macs: host.mac ?? [],
      addresses: host.address,
    })),
  ]
}

/** Returns the address that DHCP reserves for a machine: its first IPv4 address. */
export function reserved(machine: Machine): Ipv4 | undefined {
  return machine.macs.length === 0 ? undefined : machine.addresses.find(isIpv4)
}

/** Returns the addresses of a key that takes one or a list. All have the key's path, because repeated entries were removed. */
export function declaredAddresses(path: Path, addresses: readonly Ip[] | undefined): DeclaredAddress[] {
  return (addresses ?? []).map((address) => ({ path, address }))
}

export function loadBalancerAddresses({ path, cluster }: DeclaredCluster): DeclaredAddress[] {
  if (cluster.loadBalancer === undefined) return []
  const { api, apiInternal, ingress } = cluster.loadBalancer
  const at = (key: string) => [...path, 'loadBalancer', key]
  return [
    ...declaredAddresses(at('api'), api),
    ...declaredAddresses(at('apiInternal'), apiInternal),
    ...declaredAddresses(at('ingress'), ingress),
  ]
}

/** Counts control-plane nodes: 0 in a hosted cluster or when workers are added to a running one, 1 in a single-node cluster. */
export function masterCount(cluster: Cluster): number {
  return cluster.nodes.filter((node) => node.role === 'master' || node.role === 'single').length
}

/** Returns every entry whose key repeats an earlier one, with the first entry of that key. */
export function repetitions<T>(
  entries: readonly T[],
  keyOf: (entry: T) => unknown,
): { first: T; again: T }[] {
  const firsts = new Map<unknown, T>()
  return entries.flatMap((again) => {
    const key = keyOf(again)
    const first = firsts.get(key)
    if (first === undefined) firsts.set(key, again)
    return first === undefined ? [] : [{ first, again }]
  })
}

type ClusterEndpoints = {
  readonly api: readonly Ip[]
  readonly apiInternal: readonly Ip[]
  readonly ingress: readonly Ip[]
}

/** The rules require a load balancer or a node with the role single. */
export function endpointsOf({
  loadBalancer,
  nodes,
}: Pick<Cluster, 'loadBalancer' | 'nodes'>): ClusterEndpoints {
  if (loadBalancer !== undefined) {
    const { api, apiInternal = api, ingress } = loadBalancer
    return { api, apiInternal, ingress }
  }
  const { address: own } = nodes.find(({ role }) => role === 'single') as Node
  return { api: own, apiInternal: own, ingress: own }
}

/** Returns the name and its ancestors without the root, longest first: `a.b.c`, `b.c`, `c`. */
export function withAncestors(name: string): string[] {
  const names = [name]
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1))
    names.push(name.slice(dot + 1))
  return names
}

/** Returns the longest of `zones` that contains `name`. */
export function enclosingZone(name: string, zones: { has(zone: string): boolean }): string | undefined {
  if (zones.has(name)) return name
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const ancestor = name.slice(dot + 1)
    if (zones.has(ancestor)) return ancestor
  }
  return undefined
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

// The forward zones of a site. They contain what the site declares and nothing else, so that names of the same domain that
// other servers have still resolve (docs/decisions/0038-zone-cut.md). Pure.

/** A base domain that becomes a zone although `dns.zones` does not list it, and the entry that requires it. */
type RequiredZone = { readonly zone: string; readonly by: string }

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
  for (const { name, fqdn } of ownNames(site)) if (bases.has(fqdn)) require(fqdn, `node ${name}`)
  for (const record of site.dns.records) {
    if (bases.has(record.name) || !canBeApex(record)) require(record.name, `record ${record.name}`)
  }
  return [...found.values()]
}

export function baseDomains(site: Site): Set<string> {
  return new Set(site.clusters.map((cluster) => cluster.domain))
}

/** Returns the nodes whose name is not below the domain of a cluster. */
export function ownNames(site: Site): { readonly name: string; readonly fqdn: string }[] {
  return declaredNodes(site).flatMap(({ cluster, node: { name, fqdn: own }, fqdn }) =>
    own === undefined && !isGroup(cluster) ? [] : [{ name, fqdn }],
  )
}

/** Returns hosts, nodes whose name differs from the pattern, and the records and name servers in a base domain; a name follows its ancestors. */
function singleNames(site: Site): string[] {
  const bases = baseDomains(site)
  const others = [
    ...site.dns.records.filter(canBeApex).map(({ name }) => name),
    ...(site.dns.nameServers ?? []),
  ].filter((name) => enclosingZone(name, bases) !== undefined)
  const machines = [...site.hosts.map(({ name }) => name), ...ownNames(site).map(({ fqdn }) => fqdn)]
  return [...machines, ...others].sort((a, b) => a.length - b.length)
}

function canBeApex({ name, cname, ns }: DnsRecord): boolean {
  return cname === undefined && ns === undefined && !name.startsWith('*.')
}

/** Beside 443, which HAProxy uses for the routers, and 8443, the default of the API. */
const defaultHttpsPort = 8444

export function httpsPort({ ports }: Pick<Site['server'], 'ports'>): number {
  return ports.https ?? defaultHttpsPort
}
