/** Warnings about the network of nodes: settings that differ from what DHCP would give them, and ports that cannot boot. Pure. */
import { formatIp, isIpv4, type Ip } from '../../proto/address/ip.ts'
import { isDefaultRoute, type NodeNetwork } from '../../site/node-network.ts'
import type { PlanFinding } from '../codes.ts'
import type { Model, NodeModel } from '../model.ts'

export function networkFindings({ site: { server }, nodes }: Pick<Model, 'site' | 'nodes'>): PlanFinding[] {
  return nodes.flatMap((node) => {
    const { key, network, subnet } = node
    if (network === undefined) return []
    const resolvers = subnet?.dns ?? [server.address]
    const messages = [
      ...gatewayMessages(network, subnet?.gateway),
      ...resolverMessages(network, subnet === undefined ? [] : resolvers),
    ]
    return [
      ...messages.map((message) => finding('boot.network-differs', key, message)),
      ...portMessages(node, network).map((message) => finding('boot.port-undeclared', key, message)),
    ]
  })
}

function finding(code: PlanFinding['code'], about: string, message: string): PlanFinding {
  return { code, severity: 'warning', about, message }
}

/** The firmware and iPXE use the gateway of the subnet, and the live system that of the section. */
function gatewayMessages({ routes }: NodeNetwork, gateway: Ip | undefined): string[] {
  const used = routes.filter((route) => isDefaultRoute(route)).map((route) => route['next-hop-address'])
  const ipv4 = used.find((router) => isIpv4(router))
  if (ipv4 === undefined || gateway === undefined || ipv4 === gateway) return []
  return [
    `the default route of network leads to ${formatIp(ipv4)}, but the gateway of its subnet is ${formatIp(gateway)}: correct one of the two if both are not routers`,
  ]
}

function resolverMessages({ servers, interfaces }: NodeNetwork, ofSubnet: readonly Ip[]): string[] {
  const isLeased = interfaces.some(({ ipv4 }) => ipv4?.dhcp)
  if (ofSubnet.length === 0 || (servers.length === 0 && isLeased)) return []
  if (servers.some((server) => ofSubnet.includes(server))) return []
  const known = ofSubnet.map(formatIp).join(', ')
  const used = servers.length === 0 ? 'has no resolver' : `uses ${servers.map(formatIp).join(', ')}`
  return [
    `network ${used}, but DHCP gives the nodes of its subnet ${known}: check that these resolvers answer api-int of the cluster`,
  ]
}

/** Each port below the interface with the address of the node can be the one that the firmware boots from. */
function portMessages({ mac, otherMacs = [], address }: NodeModel, network: NodeNetwork): string[] {
  const macs = [mac, ...otherMacs]
  const owner = network.interfaces.find(
    ({ ipv4, ipv6 }) =>
      ipv4?.dhcp === true ||
      [...(ipv4?.address ?? []), ...(ipv6?.address ?? [])].some(({ ip }) => ip === address),
  )
  const names = [owner?.name, owner?.vlan?.['base-iface']]
  return network.interfaces.flatMap(({ name, controller, 'mac-address': own }) => {
    if (own === undefined || macs.includes(own)) return []
    if (!names.includes(name) && !names.includes(controller?.name ?? '')) return []
    return [
      `${name} has the MAC address ${own}, which mac does not list, so the node cannot boot from it: add it to mac`,
    ]
  })
}
