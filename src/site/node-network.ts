/**
 * The network configuration of a node: its section `network` merged with that of its cluster, with the resolvers and the
 * default route that DHCP would give it in its subnet. Rules check it; kernel arguments and keyfiles are written from it. Pure.
 */
import { cidrContains, ipv6Octets, isIpv4, parseCidr, type Cidr, type Ip } from '../proto/address/ip.ts'
import { cidr6Contains, type Cidr6 } from '../proto/address/network6.ts'
import type { Mac } from '../proto/address/mac.ts'
import type { NetworkInterface, NetworkRoute, NetworkSection } from './network-section.ts'
import type { Cluster, Node, Site } from './schema.ts'

export type NodeInterface = NetworkInterface & {
  /** The MAC address that identifies the interface; absent if its name does. */
  readonly byMac?: Mac
  /** The bond or bridge that it is a port of. */
  readonly controller?: NetworkInterface
}

export type NodeNetwork = {
  readonly use: NonNullable<NetworkSection['use']>
  /** In the order of the section, then the Ethernet interfaces that it only names as a port or a base. */
  readonly interfaces: readonly NodeInterface[]
  readonly servers: readonly Ip[]
  readonly search: readonly string[]
  readonly routes: readonly NetworkRoute[]
}

type Owners = {
  readonly cluster: Pick<Cluster, 'network'>
  readonly node: Pick<Node, 'network' | 'address'>
}

/** Returns the section of a node, each key from the node or else from its cluster; undefined without any key. */
export function mergedNetwork({ cluster, node }: Owners): NetworkSection | undefined {
  if (cluster.network === undefined && node.network === undefined) return undefined
  return { ...cluster.network, ...node.network }
}

/** Returns undefined for a node without interfaces in its section, which DHCP configures. */
export function nodeNetwork(
  site: Pick<Site, 'server' | 'subnets' | 'subnets6'>,
  owners: Owners,
): NodeNetwork | undefined {
  const { use = 'both', interfaces, routes, 'dns-resolver': resolver } = mergedNetwork(owners) ?? {}
  if (interfaces === undefined) return undefined
  const { address } = owners.node
  const primary = address.find(isIpv4) ?? (address[0] as Ip)
  const family = familyOf(primary)
  const owner = interfaces.find((each) => addressesOf(each, family).some(({ ip }) => ip === primary))
  const lease = owner && leaseSettings(site, primary)
  const all = [...interfaces, ...impliedInterfaces(interfaces)]
  return {
    use,
    interfaces: all.map((each) => identified(each, all)),
    servers: resolver?.config.server ?? lease?.servers ?? [],
    search: resolver?.config.search ?? lease?.search ?? [],
    routes: routes?.config ?? defaultRoutes(owner, lease?.gateway),
  }
}

/** Returns the names of the ports of a bond or a bridge. */
export function portsOf({ bridge, 'link-aggregation': bond }: NetworkInterface): readonly string[] {
  return [...(bond?.port ?? []), ...(bridge?.port ?? []).map(({ name }) => name)]
}

function impliedInterfaces(declared: readonly NetworkInterface[]): NetworkInterface[] {
  const named = declared.flatMap((each) => [...portsOf(each), ...baseOf(each)])
  const known = new Set(declared.map(({ name }) => name))
  return [...new Set(named)]
    .filter((name) => !known.has(name))
    .map((name) => ({ name, type: 'ethernet', state: 'up' }))
}

function baseOf({ vlan }: NetworkInterface): readonly string[] {
  return vlan === undefined ? [] : [vlan['base-iface']]
}

function identified(each: NetworkInterface, all: readonly NetworkInterface[]): NodeInterface {
  const mac = each.identifier === 'name' ? undefined : each['mac-address']
  const controller = all.find((other) => portsOf(other).includes(each.name))
  return {
    ...each,
    ...(mac !== undefined && { byMac: mac }),
    ...(controller !== undefined && { controller }),
  }
}

/** What DHCP gives a node in its subnet. */
type LeaseSettings = {
  readonly servers: readonly Ip[]
  readonly search: readonly string[]
  /** Routers of IPv6 networks come from router advertisements. */
  readonly gateway?: Ip | undefined
}

export function leaseSettings(
  { server, subnets, subnets6 }: Pick<Site, 'server' | 'subnets' | 'subnets6'>,
  address: Ip,
): LeaseSettings | undefined {
  if (isIpv4(address)) {
    const subnet = subnets.find(({ cidr }) => cidrContains(cidr, address))
    return (
      subnet && { search: subnet.search, gateway: subnet.gateway, servers: subnet.dns ?? [server.address] }
    )
  }
  const subnet = subnets6.find(({ cidr }) => cidr6Contains(cidr, ipv6Octets(address)))
  // The rules require address6 with subnets6.
  return subnet && { search: subnet.search, servers: subnet.dns ?? [server.address6 as Ip] }
}

const everywhere = parseCidr('0.0.0.0/0') as Cidr

function defaultRoutes(owner: NetworkInterface | undefined, gateway: Ip | undefined): NetworkRoute[] {
  if (owner === undefined || gateway === undefined) return []
  return [{ destination: everywhere, 'next-hop-address': gateway, 'next-hop-interface': owner.name }]
}

export type Family = 'ipv4' | 'ipv6'

export function familyOf(address: Ip): Family {
  return isIpv4(address) ? 'ipv4' : 'ipv6'
}

/** Reports whether a route is the default route. */
export function isDefaultRoute({ destination: { prefix } }: { readonly destination: Cidr | Cidr6 }): boolean {
  return prefix === 0
}

export function isDynamic({ ipv4, ipv6 }: NetworkInterface, family: Family): boolean {
  if (family === 'ipv4') return ipv4?.dhcp === true
  return ipv6?.dhcp === true || ipv6?.autoconf === true
}

export function addressesOf(each: NetworkInterface, family: Family) {
  return each[family]?.address ?? []
}

/** Returns the interface whose settings of a family have the resolvers: that of the default route, or the first with an address. */
export function resolverOwner(
  { interfaces, routes }: Pick<NodeNetwork, 'interfaces' | 'routes'>,
  family: Family,
): NodeInterface | undefined {
  const usable = interfaces.filter((each) => hasFamily(each, family))
  const route = routes.find((each) => isDefaultRoute(each) && familyOf(each['next-hop-address']) === family)
  return (
    usable.find(({ name }) => name === route?.['next-hop-interface']) ??
    usable.find((each) => addressesOf(each, family).length > 0) ??
    usable[0]
  )
}

export function hasFamily(each: NetworkInterface, family: Family): boolean {
  return addressesOf(each, family).length > 0 || isDynamic(each, family)
}
