/**
 * The site with values that several services derive from it: full names, the subnet of each node, and the settings that a
 * node inherits from its cluster. The plans of the services are compiled from the model.
 */
import {
  type Ip,
  isIpv4,
  cidrContains,
  formatCidr,
  formatIpv4,
  ipv6Octets,
  type Ipv4,
  type Ipv6,
} from '../proto/address/ip.ts'
import type { Mac } from '../proto/address/mac.ts'
import { cidr6Contains, formatCidr6 } from '../proto/address/network6.ts'
import type { Duid } from '../proto/dhcpv6/duid.ts'
import type { ExtraOption } from '../site/dhcp-option.ts'
import type { ConfigurationSyntax } from './boot/syntax.ts'
import type {
  Architecture,
  BootMode,
  Cluster,
  GroupNode,
  Host,
  Loader,
  Node,
  Role,
  Site,
  Subnet,
  Subnet6,
  WipeMode,
} from '../site/schema.ts'
import { defined } from '../text/defined.ts'
import { nodeDisks, type NodeDisks } from './disks/target.ts'
import type { OtherSystem } from '../site/other-systems.ts'
import { ignitionKinds, type Facts, type IgnitionKind, type InstallRole } from './facts.ts'
import { isBooted, isGroup, nodeFqdn, type OwnedNode, type Owner } from '../site/declared.ts'
import { scriptOf } from '../site/boot-script.ts'
import { nodeNetwork, type NodeNetwork } from '../site/node-network.ts'
import { networkArguments } from './network/arguments.ts'
import { declaredFiles, type DeclaredFile } from './node-files.ts'
import { flatMapSteps, runSteps } from './steps.ts'
import { menuOf, type MenuSettings } from './menu.ts'

/** Addresses and ports of the services, and the port of DHCP clients. */
export type Endpoint = Pick<Site['server'], 'address' | 'address6' | 'ports' | 'tls'>

/** A declared node, as its names, the load balancer, and its cluster know it. */
export type MemberModel = {
  /** `<cluster>/<name>`, the identifier in logs, URLs, and commands. */
  readonly key: string
  readonly name: string
  /** Or the group of a machine that belongs to no cluster. */
  readonly cluster: string
  /** Its operating system if it belongs to no cluster. */
  readonly role: Role | OtherSystem
  /** `<name>.<cluster>.<domain>`, or `<name>.<domain>` in a group. */
  readonly fqdn: string
  /** The first IPv4 address, or else the first address. */
  readonly address: Ip
  /** All addresses. */
  readonly addresses: readonly Ip[]
  /** Whether the load balancer sends it new connections. */
  readonly isBalanced: boolean
  /** Whether the site declares that it runs routers, or that it does not. */
  readonly isRouter?: boolean
}

/** A node that slipway boots, with all settings resolved. */
export type NodeModel = MemberModel &
  NodeDisks & {
    readonly mac: Mac
    /** Its other MAC addresses; absent if it has only one. */
    readonly otherMacs?: readonly Mac[]
    /** DHCPv6 identifiers that have no MAC address; absent without any. */
    readonly duids?: readonly Duid[]
    /** The subnet of its IPv4 address, which DHCPv4 reserves for each of its MAC addresses; absent without such an address. */
    readonly subnet?: Subnet
    /** What DHCPv6 reserves; absent if the node has no address in `subnets6`. */
    readonly reservation6?: Reservation6
    /** Whether it boots over IPv6: its first address is the one that DHCPv6 reserves. */
    readonly bootsOverIpv6?: true
    /** A name under `images`; that of its script if a node with a script has no image. */
    readonly image: string
    /** URL or path of the script of another installer, which it boots instead of the kernel of the image. */
    readonly script?: string
    /** Whether an installation that no administrator started may overwrite a disk that holds data. */
    readonly wipe: WipeMode
    /** Whether its live system reports the end of the installation. */
    readonly callbacks: boolean
    readonly boot: BootMode
    readonly menu: MenuSettings
    /** Console, extra, and network arguments, in order. */
    readonly kernelArguments: readonly string[]
    /** Absent if DHCP configures the network of its systems. */
    readonly network?: NodeNetwork
    /** UEFI boot loader; the default of the architecture if undefined. `auto` of the site is resolved. */
    readonly loader: Exclude<Loader, 'auto'> | undefined
    /** The architecture of firmware that does not identify itself in DHCP; absent for UEFI and BIOS. */
    readonly silentFirmware?: SilentFirmware
    /** Whether replies to its PXE firmware have the PXE options 60 and 43. */
    readonly pxeOptions: boolean
    /** The Ignition file of its installation. Infra nodes use the file of the workers. */
    readonly ignition: InstallRole
    /** Absent for the nodes of a cluster. */
    readonly system?: SystemModel
    /** Files to add to its Ignition file, each path once. */
    readonly files: readonly DeclaredFile[]
    /** DHCP options without a key of their own, the least specific first. */
    readonly dhcpOptions: readonly ExtraOption[]
  }

/** IBM Power (Open Firmware) and IBM Z. */
export type SilentFirmware = Extract<Architecture, 'ppc64le' | 's390x'>

/** The operating system of a machine that belongs to no cluster. */
export type SystemModel = {
  readonly os: OtherSystem
  /** Paths of the files that configure its installer; the kernel arguments name the first one. */
  readonly answers: readonly string[]
}

export type Reservation6 = { readonly address: Ipv6; readonly subnet: Subnet6 }

export type Model = {
  readonly site: Site
  readonly facts: Facts
  readonly endpoint: Endpoint
  /** Ordered as in the site file; without those that slipway does not boot. */
  readonly nodes: readonly NodeModel[]
  /** All declared nodes, ordered as in the site file: those of `nodes`, and those with `boot: none`. */
  readonly members: readonly MemberModel[]
  /** For each cluster, the Ignition files that its nodes can be installed with. */
  readonly ignitionKinds: ReadonlyMap<string, readonly IgnitionKind[]>
  /** Serial of the SOA records (docs/decisions/0013). */
  readonly serial: number
}

/** @param changedSeconds modification time of the site file in seconds since 1970 */
export function buildModel(site: Site, facts: Facts, changedSeconds = 1): Model {
  return runSteps(modelSteps(site, facts, changedSeconds))
}

/** Builds as {@link buildModel} does, with a pause after each step. */
export function* modelSteps(site: Site, facts: Facts, changedSeconds: number): Generator<void, Model> {
  const owners: readonly Owner[] = [...site.clusters, ...site.groups]
  const declared = owners.flatMap((cluster) => cluster.nodes.map((node: OwnedNode) => ({ cluster, node })))
  const members = yield* flatMapSteps(declared, ({ cluster, node }) => [
    isBooted(cluster, node) ? nodeModel(site, facts, cluster, node) : memberModel(site, cluster, node),
  ])
  const nodes = members.filter(isBootedMember)
  const { address, address6, ports, tls } = site.server
  const endpoint = { address, ...defined({ address6, tls }), ports }
  const serial = site.dns.serial ?? changedSeconds
  return { site, facts, endpoint, nodes, members, ignitionKinds: kindsByCluster(nodes), serial }
}

/** A cluster with a single node needs neither a bootstrap node nor masters, and few clusters have an arbiter. */
function kindsByCluster(nodes: readonly NodeModel[]): Model['ignitionKinds'] {
  const members = [...Map.groupBy(nodes, ({ cluster }) => cluster)]
  return new Map(
    members.map(([cluster, group]) => {
      const declared = new Set<InstallRole>(group.map(({ ignition }) => ignition))
      const isSingle = declared.has('single')
      const isPossible = (kind: IgnitionKind) => kind !== 'single' && kind !== 'arbiter' && !isSingle
      return [cluster, ignitionKinds.filter((kind) => declared.has(kind) || isPossible(kind))]
    }),
  )
}

/** Returns `http://172.16.0.101` or `http://[fd00:16::101]`, with the port if it is not 80. */
export function httpBase(endpoint: Endpoint, node: Pick<NodeModel, 'bootsOverIpv6'> = {}): string {
  const port = endpoint.ports.http === 80 ? '' : `:${endpoint.ports.http}`
  const address = serverAddress(endpoint, node)
  return `http://${address.includes(':') ? `[${address}]` : address}${port}`
}

/** Returns the address of this server with which the node boots. */
export function serverAddress(
  { address, address6 }: Endpoint,
  { bootsOverIpv6 }: Pick<NodeModel, 'bootsOverIpv6'>,
): string {
  // The rules require address6 for such a node.
  return bootsOverIpv6 === true ? (address6 as Ipv6) : formatIpv4(address)
}

export function clusterDomain(cluster: Cluster): string {
  return `${cluster.name}.${cluster.domain}`
}

/** The syntax of the configuration that a loader reads from slipway; loaders that are iPXE have none. */
const syntaxes: Readonly<Partial<Record<Loader, ConfigurationSyntax>>> = {
  shim: 'grub',
  grub: 'grub',
  pxelinux: 'pxelinux',
  'u-boot': 'uboot',
}

/** Returns the syntax of the configuration that the loader of a node reads; undefined for iPXE. */
export function configurationSyntax({
  loader,
  silentFirmware,
}: Pick<NodeModel, 'loader' | 'silentFirmware'>): ConfigurationSyntax | undefined {
  if (silentFirmware !== undefined && loader === 'pxelinux') return 'firmware'
  return loader && syntaxes[loader]
}

/** Returns the key of the facts about what a node boots: its script, or else its image. */
export function bootSource({ script, image }: Pick<NodeModel, 'script' | 'image'>): string {
  return script ?? image
}

/** Returns the first IPv4 address, which DHCP reserves. */
export function reservedAddress(machine: Pick<Node | Host, 'address'>): Ipv4 | undefined {
  return machine.address.find(isIpv4)
}

export function subnetOf(site: Site, address: Ipv4): Subnet | undefined {
  return site.subnets.find((subnet) => cidrContains(subnet.cidr, address))
}

/** Returns the first address in a network of `subnets6`, which DHCPv6 reserves. */
export function reservationOf6(site: Site, addresses: readonly Ip[]): Reservation6 | undefined {
  for (const address of addresses) {
    if (isIpv4(address)) continue
    const subnet = site.subnets6.find(({ cidr }) => cidr6Contains(cidr, ipv6Octets(address)))
    if (subnet !== undefined) return { address, subnet }
  }
  return undefined
}

/** A node with an IPv4 address that DHCPv4 reserves. */
export type Ipv4Node = NodeModel & { readonly address: Ipv4; readonly subnet: Subnet }

export function isIpv4Node(node: NodeModel): node is Ipv4Node {
  return node.subnet !== undefined
}

/** Returns the networks whose addresses a node gets: `172.16.0.0/24, fd00:16::/64`. */
export function networkText({ subnet, reservation6 }: Pick<NodeModel, 'subnet' | 'reservation6'>): string {
  return [
    ...(subnet === undefined ? [] : [formatCidr(subnet.cidr)]),
    ...(reservation6 === undefined ? [] : [formatCidr6(reservation6.subnet.cidr)]),
  ].join(', ')
}

/** Reports whether slipway boots the node. */
export function isBootedMember(member: MemberModel): member is NodeModel {
  return 'mac' in member
}

function memberModel(site: Site, cluster: Owner, node: OwnedNode): MemberModel {
  return {
    key: `${cluster.name}/${node.name}`,
    name: node.name,
    cluster: cluster.name,
    role: 'role' in node ? node.role : systemOf(site, node.image ?? cluster.image),
    fqdn: nodeFqdn(cluster, node),
    address: reservedAddress(node) ?? required(node.address[0], `an address of ${node.name}`),
    addresses: node.address,
    isBalanced: !('balance' in node) || node.balance,
    ...('ingress' in node && defined({ isRouter: node.ingress })),
  }
}

/** Returns the operating system of a machine in a group; the rules require that its image names one. */
function systemOf({ images }: Site, image = ''): OtherSystem {
  return required(images[image], `image ${image}`).os as OtherSystem
}

function nodeModel(site: Site, facts: Facts, cluster: Owner, node: OwnedNode): NodeModel {
  const ipv4 = reservedAddress(node)
  const subnet = ipv4 === undefined ? undefined : required(subnetOf(site, ipv4), `the subnet of ${node.name}`)
  const reservation6 = reservationOf6(site, node.address)
  const address = required(ipv4 ?? reservation6?.address, `an address of ${node.name} in a subnet`)
  const bootsOverIpv6 = reservation6 !== undefined && (ipv4 === undefined || node.address[0] !== ipv4)
  const script = scriptOf(cluster, node)
  const image = required(node.image ?? cluster.image ?? script, `the image of ${node.name}`)
  const consoles = node.console ?? cluster.console ?? []
  const network = nodeNetwork(site, { cluster, node })
  const { key, name, role, fqdn, addresses, isBalanced, isRouter } = memberModel(site, cluster, node)
  return {
    key,
    name,
    cluster: cluster.name,
    role,
    fqdn,
    ...macsOf(required(node.mac, `the MAC address of ${node.name}`)),
    address,
    addresses,
    ...defined({ subnet, reservation6, duids: node.duid }),
    ...(bootsOverIpv6 && { bootsOverIpv6 }),
    image,
    ...defined({ script }),
    ...nodeDisks(cluster, node),
    wipe: node.wipe ?? cluster.wipe ?? site.wipe,
    callbacks: cluster.callbacks,
    boot: (node.boot ?? cluster.boot ?? 'install') as BootMode,
    menu: menuOf(site, cluster, node),
    kernelArguments: [
      ...consoles.map((name) => `console=${name}`),
      ...(cluster.kernelArguments ?? []),
      ...(node.kernelArguments ?? []),
      ...(network === undefined ? [] : networkArguments(network, address, fqdn)),
    ],
    ...defined({ network }),
    ...bootLoader(site, facts, image, node.loader ?? cluster.loader),
    isBalanced,
    ...defined({ isRouter }),
    pxeOptions: node.pxeOptions ?? cluster.pxeOptions ?? false,
    ignition: role === 'infra' ? 'worker' : role,
    ...systemModel(site, image, cluster, node),
    files: declaredFiles(cluster, node, fqdn, network),
    dhcpOptions: [site, subnet, cluster, node].flatMap((owner) => owner?.dhcpOptions ?? []),
  }
}

function systemModel(site: Site, image: string, owner: Owner, node: OwnedNode): Pick<NodeModel, 'system'> {
  if (!isGroup(owner)) return {}
  const { answers } = node as GroupNode
  return { system: { os: systemOf(site, image), answers: answers ?? owner.answers ?? [] } }
}

/** These have no loader except GRUB (ppc64le), and firmware that reads a configuration of PXELINUX itself. */
function bootLoader(
  { images }: Site,
  facts: Facts,
  image: string,
  loader: Loader | undefined,
): Pick<NodeModel, 'loader' | 'silentFirmware'> {
  const architecture = images[image]?.architecture
  if (architecture === 's390x') return { loader: 'pxelinux', silentFirmware: architecture }
  if (architecture !== 'ppc64le') return { loader: loaderOf(facts, image, loader) }
  return { loader: loader === 'pxelinux' ? 'pxelinux' : 'grub', silentFirmware: architecture }
}

/** With `auto`, an image with signed loaders of its vendor boots through them: they work with and without Secure Boot. */
function loaderOf({ images }: Facts, image: string, loader: Loader | undefined): NodeModel['loader'] {
  if (loader !== 'auto') return loader
  const signed = images.get(image)?.signed
  const isComplete = ['x64', 'aa64'].some((each) =>
    ['shim', 'grub'].every((name) => signed?.has(`${name}${each}.efi`)),
  )
  return isComplete ? 'shim' : undefined
}

function macsOf([mac, ...otherMacs]: readonly Mac[]): Pick<NodeModel, 'mac' | 'otherMacs'> {
  return { mac: required(mac, 'a MAC address'), ...(otherMacs.length > 0 && { otherMacs }) }
}

/** Returns all MAC addresses of a machine, separated by commas. */
export function macsText({
  mac,
  otherMacs = [],
}: {
  readonly mac: string
  readonly otherMacs?: readonly string[]
}) {
  return [mac, ...otherMacs].join(', ')
}

/** @throws {TypeError} if the caller compiles a site that did not pass the rules */
function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new TypeError(`site was not checked: ${what} is missing`)
  return value
}
