/**
 * The network of a node as kernel arguments of dracut (dracut.cmdline(7), "Network"), as the nm-initrd-generator of
 * NetworkManager reads them. coreos-installer passes them on to the first boot of the installed system. Pure.
 */
import { formatCidr, formatIp, formatIpv4, isIpv4, type Ip, type Ipv4 } from '../../proto/address/ip.ts'
import { formatCidr6 } from '../../proto/address/network6.ts'
import type { NetworkRoute } from '../../site/network-section.ts'
import {
  addressesOf,
  familyOf,
  isDefaultRoute,
  isDynamic,
  type Family,
  type NodeInterface,
  type NodeNetwork,
} from '../../site/node-network.ts'

/**
 * Returns the arguments in the order of the OpenShift documentation: `ip=`, `nameserver=`, `bond=`, and the devices on top.
 *
 * @param primary the address that the host name belongs to
 */
export function networkArguments(network: NodeNetwork, primary: Ip, fqdn: string): string[] {
  if (network.use === 'keyfiles') return []
  const { interfaces, servers, routes } = network
  const bases = new Set(interfaces.flatMap(({ vlan }) => vlan?.['base-iface'] ?? []))
  // A VLAN cannot name its base by a MAC address, so dracut has to give that interface its name.
  const isRenamed = ({ name, byMac }: NodeInterface): boolean => byMac !== undefined && bases.has(name)
  const devices = new Map(
    interfaces.map((each) => [each.name, isRenamed(each) ? each.name : deviceOf(each)] as const),
  )
  // The rules ensure that the section declares or implies each name.
  const device = (name: string): string => devices.get(name) as string
  return [
    ...interfaces
      .filter(({ controller }) => controller === undefined)
      .flatMap((each) => ipArguments(each, device(each.name), routes, (ip) => (ip === primary ? fqdn : ''))),
    ...servers.map((server) => `nameserver=${formatIp(server)}`),
    ...interfaces.flatMap((each) => bondArguments(each, device)),
    ...interfaces.flatMap(({ name, bridge }) =>
      bridge === undefined
        ? []
        : [`bridge=${name}:${bridge.port.map((port) => device(port.name)).join(',')}`],
    ),
    ...interfaces.flatMap(({ name, vlan }) =>
      vlan === undefined ? [] : [`vlan=${name}:${device(vlan['base-iface'])}`],
    ),
    'rd.neednet=1',
    ...interfaces.filter(isRenamed).map(({ name, byMac }) => `ifname=${name}:${byMac}`),
    ...routes.filter((route) => !isDefaultRoute(route)).map((route) => routeArgument(route, device)),
  ]
}

/** The arguments separate their parts with colons, so a MAC address has hyphens. */
function deviceOf({ name, byMac }: NodeInterface): string {
  return byMac === undefined ? name : byMac.replaceAll(':', '-')
}

/** A dynamic method follows the static addresses, because it would otherwise replace those of the other family. */
function ipArguments(
  each: NodeInterface,
  device: string,
  routes: readonly NetworkRoute[],
  hostname: (address: Ip) => string,
): string[] {
  const mtu = each.mtu === undefined ? '' : `:${each.mtu}`
  const statics = (['ipv6', 'ipv4'] as const).flatMap((family) => {
    const gateway = gatewayOf(routes, each.name, family)
    return addressesOf(each, family).map(({ ip, 'prefix-length': prefix }, index) => {
      const router = index === 0 && gateway !== undefined ? bracketed(gateway) : ''
      return `ip=${bracketed(ip)}::${router}:${maskOf(ip, prefix)}:${hostname(ip)}:${device}:none${mtu}`
    })
  })
  const method = methodOf(each)
  const dynamic = method === undefined ? [] : [`ip=${device}:${method}${mtu}`]
  const lines = [...statics, ...dynamic]
  // Only bonds have an MTU elsewhere.
  if (lines.length === 0 && mtu !== '' && each.type !== 'bond') return [`ip=${device}:off${mtu}`]
  return lines
}

/** `dhcp` also accepts router advertisements and the DHCPv6 that they announce. */
function methodOf(each: NodeInterface): string | undefined {
  if (isDynamic(each, 'ipv4')) return 'dhcp'
  if (!isDynamic(each, 'ipv6')) return undefined
  return each.ipv6?.autoconf === true ? 'auto6' : 'dhcp6'
}

/** Returns the router of the default route through an interface. */
function gatewayOf(routes: readonly NetworkRoute[], name: string, family: Family): Ip | undefined {
  return routes.find(
    (route) =>
      isDefaultRoute(route) &&
      route['next-hop-interface'] === name &&
      familyOf(route['next-hop-address']) === family,
  )?.['next-hop-address']
}

function bracketed(address: Ip): string {
  return isIpv4(address) ? formatIpv4(address) : `[${address}]`
}

function maskOf(address: Ip, prefix: number): string {
  if (!isIpv4(address)) return String(prefix)
  return formatIpv4(((0xffffffff << (32 - prefix)) >>> 0) as Ipv4)
}

function bondArguments(each: NodeInterface, device: (name: string) => string): string[] {
  const { name, mtu, 'link-aggregation': bond } = each
  if (bond === undefined) return []
  const options = Object.entries(bond.options).map(([option, value]) => `${option}=${optionText(value)}`)
  const parts = [name, bond.port.map(device).join(','), [`mode=${bond.mode}`, ...options].join(',')]
  return [`bond=${[...parts, ...(mtu === undefined ? [] : [mtu])].join(':')}`]
}

/** The bonding driver has no booleans. */
export function optionText(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? '1' : '0') : String(value)
}

function routeArgument(route: NetworkRoute, device: (name: string) => string): string {
  const { destination, 'next-hop-address': router, 'next-hop-interface': name } = route
  const network = isIpv4(router) ? destinationText(destination) : `[${destinationText(destination)}]`
  return `rd.route=${network}:${bracketed(router)}:${device(name)}`
}

export function destinationText(destination: NetworkRoute['destination']): string {
  return 'mask' in destination ? formatCidr(destination) : formatCidr6(destination)
}
