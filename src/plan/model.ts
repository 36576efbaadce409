/**
 * The site with everything derived that more than one service needs: full names, each node's subnet,
 * what a cluster's setting means for its node. The slices of the plan are compiled from this.
 */
import { type Ip, isIpv4 } from '../proto/address/ip.ts'
import { cidrContains, formatIpv4, type Ipv4 } from '../proto/address/ipv4.ts'
import type { Mac } from '../proto/address/mac.ts'
import type { ExtraOption } from '../site/dhcp-option.ts'
import type { BootMode, Cluster, Host, MenuEntry, Node, Role, Site, Subnet } from '../site/schema.ts'
import type { Facts, IgnitionKind } from './facts.ts'
import { declaredFiles, type DeclaredFile } from './ignition/declared-files.ts'

/** Where the services are reached, and the port on which DHCP clients hear replies. */
export type Endpoint = Pick<Site['server'], 'address' | 'address6' | 'ports'>

/** A node of a cluster, ready to be answered. */
export type NodeModel = {
  /** `<cluster>/<name>`: how logs, URLs and commands name it. */
  readonly key: string
  readonly name: string
  readonly cluster: string
  readonly role: Role
  /** `<name>.<cluster>.<domain>` */
  readonly fqdn: string
  readonly mac: Mac
  /** The reserved address. */
  readonly address: Ipv4
  /** All addresses, the reserved one among them. */
  readonly addresses: readonly Ip[]
  readonly subnet: Subnet
  /** A name under `images`. */
  readonly image: string
  /** `coreos.inst.install_dev`, for instance `/dev/sda`. */
  /** Absent only where an agent may know it. */
  readonly disk?: string
  /** Whether its live system reports how its installer ended. */
  readonly callbacks: boolean
  readonly boot: BootMode
  readonly menu: { readonly default: MenuEntry; readonly timeoutSeconds: number }
  /** Console and extra kernel arguments in the order in which they are given. */
  readonly kernelArguments: readonly string[]
  /** Of its UEFI firmware; each architecture has its own usual one when it is undefined. */
  readonly loader: 'ipxe' | 'snponly' | undefined
  /** Whether the load balancer gives it connections. */
  readonly isBalanced: boolean
  /** Whether replies to its PXE firmware call themselves PXE's. */
  readonly pxeOptions: boolean
  /** Which Ignition file it installs with; infra nodes are installed as workers. */
  readonly ignition: IgnitionKind
  /** Files that are added to its Ignition file, each path once. */
  readonly files: readonly DeclaredFile[]
  /** DHCP options beside those that have keys, the widest place's first. */
  readonly dhcpOptions: readonly ExtraOption[]
}

export type Model = {
  readonly site: Site
  readonly facts: Facts
  readonly endpoint: Endpoint
  /** In the order of the site file. */
  readonly nodes: readonly NodeModel[]
  /** Of the zones' SOA records (docs/decisions/0013). */
  readonly serial: number
}

/** @param changedSeconds when the site file was last changed, in seconds since 1970 */
export function buildModel(site: Site, facts: Facts, changedSeconds = 1): Model {
  const nodes = site.clusters.flatMap((cluster) =>
    cluster.nodes.map((node) => nodeModel(site, cluster, node)),
  )
  const { address, address6, ports } = site.server
  const endpoint = { address, ...(address6 === undefined ? {} : { address6 }), ports }
  return { site, facts, endpoint, nodes, serial: site.dns.serial ?? changedSeconds }
}

/** `http://172.16.0.101`, with the port where it is not 80. */
export function httpBase(endpoint: Endpoint): string {
  const port = endpoint.ports.http === 80 ? '' : `:${endpoint.ports.http}`
  return `http://${formatIpv4(endpoint.address)}${port}`
}

export function clusterDomain(cluster: Cluster): string {
  return `${cluster.name}.${cluster.domain}`
}

/** The first IPv4 address: the one that DHCP reserves. The site's rules demand one of every node. */
export function reservedAddress(machine: Node | Host): Ipv4 | undefined {
  return machine.address.find(isIpv4)
}

export function subnetOf(site: Site, address: Ipv4): Subnet | undefined {
  return site.subnets.find((subnet) => cidrContains(subnet.cidr, address))
}

function nodeModel(site: Site, cluster: Cluster, node: Node): NodeModel {
  const address = required(reservedAddress(node), `an IPv4 address of ${node.name}`)
  const subnet = required(subnetOf(site, address), `the subnet of ${node.name}`)
  const consoles = node.console ?? cluster.console ?? []
  return {
    key: `${cluster.name}/${node.name}`,
    name: node.name,
    cluster: cluster.name,
    role: node.role,
    fqdn: `${node.name}.${clusterDomain(cluster)}`,
    mac: node.mac,
    address,
    addresses: node.address,
    subnet,
    image: required(node.image ?? cluster.image, `the image of ${node.name}`),
    ...diskOf(cluster, node),
    callbacks: cluster.callbacks,
    boot: node.boot ?? cluster.boot ?? 'install',
    menu: node.menu ?? cluster.menu ?? { default: 'local', timeoutSeconds: 30 },
    kernelArguments: [
      ...consoles.map((name) => `console=${name}`),
      ...(cluster.kernelArguments ?? []),
      ...(node.kernelArguments ?? []),
    ],
    loader: node.loader ?? cluster.loader,
    isBalanced: node.balance,
    pxeOptions: node.pxeOptions ?? cluster.pxeOptions ?? false,
    ignition: node.role === 'infra' ? 'worker' : node.role,
    files: declaredFiles(cluster, node, `${node.name}.${clusterDomain(cluster)}`),
    dhcpOptions: [site, subnet, cluster, node].flatMap((place) => place.dhcpOptions),
  }
}

function diskOf(cluster: Cluster, node: Node): Pick<NodeModel, 'disk'> {
  const disk = node.disk ?? cluster.disk
  return disk === undefined ? {} : { disk }
}

/** @throws {TypeError} when the site did not pass its rules: the caller compiled an unchecked site */
function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`site was not checked: ${what} is missing`)
  return value
}
