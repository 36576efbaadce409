/** Warnings about the network of nodes: settings that differ from what DHCP would give them, and ports that cannot boot. Pure. */
import { formatIp, type Ip } from '../../proto/address/ip.ts'
import {
  addressesOf,
  familyOf,
  isDefaultRoute,
  isDynamic,
  leaseSettings,
  type Family,
  type NodeInterface,
  type NodeNetwork,
} from '../../site/node-network.ts'
import type { PlanFinding } from '../codes.ts'
import type { Model, NodeModel } from '../model.ts'

export function networkFindings({ site, nodes }: Pick<Model, 'site' | 'nodes'>): PlanFinding[] {
  return nodes.flatMap((node) => {
    const { key, network, address } = node
    const lease = leaseSettings(site, address)
    if (network === undefined || lease === undefined) return []
    const messages = [
      ...gatewayMessages(network, address, lease.gateway),
      ...resolverMessages(network, familyOf(address), lease.servers),
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
function gatewayMessages(network: NodeNetwork, address: Ip, gateway: Ip | undefined): string[] {
  const family = familyOf(address)
  const route = network.routes.find(
    (each) => isDefaultRoute(each) && familyOf(each['next-hop-address']) === family,
  )
  if (route === undefined) {
    if (family === 'ipv4' || isLeased(network, family)) return []
    return [
      'network has no IPv6 default route, and an interface with a static address ignores router advertisements: add a route to ::/0 if the node needs one',
    ]
  }
  const router = route['next-hop-address']
  if (gateway === undefined || router === gateway) return []
  return [
    `the default route of network leads to ${formatIp(router)}, but the gateway of its subnet is ${formatIp(gateway)}: correct one of the two if both are not routers`,
  ]
}

function isLeased({ interfaces }: NodeNetwork, family: Family): boolean {
  return interfaces.some((each) => isDynamic(each, family))
}

function resolverMessages(network: NodeNetwork, family: Family, ofSubnet: readonly Ip[]): string[] {
  const { servers } = network
  if (servers.length === 0 && isLeased(network, family)) return []
  if (servers.some((server) => ofSubnet.includes(server))) return []
  const used = servers.length === 0 ? 'has no resolver' : `uses ${servers.map(formatIp).join(', ')}`
  return [
    `network ${used}, but DHCP gives the nodes of its subnet ${ofSubnet.map(formatIp).join(', ')}: check that these resolvers answer api-int of the cluster`,
  ]
}

/** Each port below the interface with the address of the node can be the one that the firmware boots from. */
function portMessages({ mac, otherMacs = [], address }: NodeModel, network: NodeNetwork): string[] {
  const macs = [mac, ...otherMacs]
  const family = familyOf(address)
  const owner = network.interfaces.find(
    (each) => isDynamic(each, family) || addressesOf(each, family).some(({ ip }) => ip === address),
  )
  // The rules require such an interface.
  const { name: own, vlan } = owner as NodeInterface
  const names = [own, vlan?.['base-iface']]
  return network.interfaces.flatMap(({ name, controller, 'mac-address': mac }) => {
    if (mac === undefined || macs.includes(mac)) return []
    if (!names.includes(name) && (controller === undefined || !names.includes(controller.name))) return []
    return [
      `${name} has the MAC address ${mac}, which mac does not list, so the node cannot boot from it: add it to mac`,
    ]
  })
}
