/** The values of a node for templates, in the text that configuration files use. Pure. */
import { devicePath } from '../disks/target.ts'
import { formatIp, formatIpv4, type Ip, type Ipv6 } from '../../proto/address/ip.ts'
import { httpBase, type Model, type NodeModel } from '../model.ts'

/** All names that a template of a node can use. Published names, which never change. */
export const nodeFactNames = [
  'node.name',
  'node.key',
  'node.fqdn',
  'node.cluster',
  'node.role',
  'node.address',
  'node.mac',
  'node.disk',
  'node.image',
  'node.prefix',
  'node.netmask',
  'node.gateway',
  'node.dns',
  'node.domain',
  'node.ntp',
  'site.name',
  'server.address',
  'server.url',
] as const

type NodeFactName = (typeof nodeFactNames)[number]

/**
 * Returns the values by name. A name without a value for this node is absent: a node without a disk, a subnet without a
 * gateway. Lists are separated by commas.
 */
export function nodeFacts({ site, endpoint }: Model, node: NodeModel): ReadonlyMap<string, string> {
  const { bootsOverIpv6 = false, address } = node
  // The rules require address6 for such a node.
  const server: Ip = bootsOverIpv6 ? (endpoint.address6 as Ipv6) : endpoint.address
  const facts: Readonly<Record<NodeFactName, string | undefined>> = {
    'node.name': node.name,
    'node.key': node.key,
    'node.fqdn': node.fqdn,
    'node.cluster': node.cluster,
    'node.role': node.role,
    'node.address': formatIp(address),
    'node.mac': node.mac,
    'node.disk': node.disk && devicePath(node.disk),
    'node.image': node.image,
    ...networkFacts(node, server),
    'site.name': site.site,
    'server.address': formatIp(server),
    'server.url': httpBase(endpoint, node),
  }
  return new Map(
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
}

type NetworkFactName = `node.${'prefix' | 'netmask' | 'gateway' | 'dns' | 'domain' | 'ntp'}`

function networkFacts(
  { subnet, reservation6, fqdn }: NodeModel,
  server: Ip,
): Readonly<Record<NetworkFactName, string | undefined>> {
  const network = subnet?.cidr ?? reservation6?.subnet.cidr
  const ntp = list(subnet?.ntp ?? [])
  return {
    'node.prefix': network && String(network.prefix),
    'node.netmask': subnet && formatIpv4(subnet.cidr.mask),
    'node.gateway': subnet?.gateway && formatIpv4(subnet.gateway),
    'node.dns': list((subnet ?? reservation6?.subnet)?.dns ?? [server]),
    'node.domain': subnet?.domain ?? fqdn.slice(fqdn.indexOf('.') + 1),
    'node.ntp': ntp === '' ? undefined : ntp,
  }
}

function list(addresses: readonly Ip[]): string {
  return addresses.map(formatIp).join(',')
}
