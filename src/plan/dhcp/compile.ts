/** Compiles the plan of DHCP: every declared MAC address with all option values encoded. Those of one machine share them. */
import { formatIp, formatIpv4, formatCidr, type Cidr, type Ipv4 } from '../../proto/address/ip.ts'
import type { ExtraOption } from '../../site/dhcp-option.ts'
import type { PlanFinding } from '../codes.ts'
import { bootSource, isIpv4Node, reservedAddress, subnetOf, type Model, type NodeModel } from '../model.ts'
import type { ImageLoaderName, LoaderName } from '../facts.ts'
import { absoluteUrl, urlPaths } from '../urls.ts'
import { imageFacts } from '../boot/installation.ts'
import { flatMapSteps, lazy, runSteps } from '../steps.ts'
import { nodeBoot, type BootFiles, type ConfigurationDirectory } from './boot-table.ts'
import {
  fallbackFile,
  httpFile,
  leaseTime,
  machineOptions,
  pxeFile,
  tftpFile,
  urlFile,
  type DhcpPlan,
  type PreparedOption,
  type Proxied,
  type Reservation,
} from './plan.ts'
import { compileInventoryLeases } from './inventory.ts'
import type { BootElsewhere } from './plan.ts'
import { defined } from '../../text/defined.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { defaultLeaseSeconds } from '../../proto/dhcp/message.ts'
import type { Site, Subnet } from '../../site/schema.ts'

/** Registered by IANA as altserviceboot; firmware uses no other. */
const proxyPort = 4011

/**
 * A reservation whose options are encoded at the first request of the machine. With getters of its own, each one would
 * have its own hidden class in V8, and every reply would be slow.
 */
class LazyReservation implements Reservation {
  readonly name: string
  readonly address: Ipv4
  readonly network: Cidr
  readonly mtu: number | undefined
  readonly leaseTime: PreparedOption
  readonly unrequested: readonly number[]
  readonly #encodeOptions: () => Reservation['options']
  readonly #boot: (() => Reservation['boot']) | undefined
  #options: Reservation['options'] | undefined

  constructor(
    { name, address, network, mtu, leaseTime, unrequested }: Omit<Reservation, 'options' | 'boot'>,
    encodeOptions: () => Reservation['options'],
    boot: (() => Reservation['boot']) | undefined,
  ) {
    this.name = name
    this.address = address
    this.network = network
    this.mtu = mtu
    this.leaseTime = leaseTime
    this.unrequested = unrequested
    this.#encodeOptions = encodeOptions
    this.#boot = boot
  }

  get options(): Reservation['options'] {
    return (this.#options ??= this.#encodeOptions())
  }

  get boot(): Reservation['boot'] {
    return this.#boot?.()
  }
}

type Compiled = { readonly plan: DhcpPlan; readonly findings: readonly PlanFinding[] }

export function compileDhcp(model: Model): Compiled {
  return runSteps(dhcpSteps(model))
}

export function* dhcpSteps(model: Model): Generator<void, Compiled> {
  const { site, endpoint } = model
  const machines = yield* machinesOf(model)
  const reservation = (machine: Machine): Reservation => {
    const { name, fqdn, domain, address, subnet, boot, dhcpOptions } = machine
    const encodeOptions = () =>
      new Map([
        ...machineOptions(subnet, subnet.dns ?? [endpoint.address], { hostName: fqdn, domain }),
        ...dhcpOptions.map(({ code, value }): [number, PreparedOption] => [code, { code, value }]),
      ])
    const fixed = {
      name,
      address,
      network: subnet.cidr,
      mtu: subnet.mtu,
      leaseTime: leaseTimeOf(subnet),
      unrequested: unrequestedCodes(dhcpOptions),
    }
    return new LazyReservation(fixed, encodeOptions, boot)
  }
  const leaseTimeOf = once(leaseTime)
  const proxied = ({ name, subnet, boot }: Machine): Proxied => ({
    name,
    network: subnet.cidr,
    get boot() {
      return boot?.()
    },
  })
  const isProxied = ({ subnet }: Machine): boolean => subnet.dhcp === 'proxy'
  const isProbed = ({ dhcp, otherDhcpServers }: Subnet) => dhcp === 'full' && otherDhcpServers === 'refuse'
  const proxiedNetworks = site.subnets.filter(({ dhcp }) => dhcp === 'proxy').map((subnet) => subnet.cidr)
  const reservations = yield* flatMapSteps(machines, (machine) =>
    isProxied(machine) ? [] : byMac(machine, reservation(machine)),
  )
  const proxiedMachines = yield* flatMapSteps(machines, (machine) =>
    isProxied(machine) ? byMac(machine, proxied(machine)) : [],
  )
  const shared = yield* flatMapSteps(model.nodes, (node) => sharedAddress(model, node))
  const filesOf = bootFiles(model)
  const inventory = compileInventoryLeases(model, (subnet) => filesOf({ subnet, pxeOptions: false }))
  return {
    plan: {
      server: endpoint.address,
      peers: site.server.peers,
      serverPort: endpoint.ports.dhcp,
      clientPort: endpoint.ports.dhcpClient,
      proxyPort: proxiedNetworks.length === 0 ? undefined : proxyPort,
      networks: site.subnets.map((subnet) => subnet.cidr),
      segments: segmentsOf(site.subnets),
      relays: site.subnets.map((subnet) => ({ network: subnet.cidr, agents: subnet.relays })),
      probed: site.subnets.filter(isProbed).map((subnet) => subnet.cidr),
      proxiedNetworks,
      reservationByMac: new Map(reservations),
      proxiedByMac: new Map(proxiedMachines),
      ...defined({ inventory }),
    },
    findings: [...dhcpFindings(site, machines), ...shared],
  }
}

const bootsOverIpv6: BootElsewhere = {
  elsewhere: 'the node boots over IPv6: write its IPv4 address first to boot it over IPv4',
}

function byMac<T>({ macs }: Machine, value: T): [mac: Mac, value: T][] {
  return macs.map((mac) => [mac, value])
}

/** Returns the networks of each segment that has several. */
function segmentsOf(subnets: readonly Subnet[]): Cidr[][] {
  const named = Map.groupBy(subnets, ({ segment }) => segment)
  named.delete(undefined)
  return [...named.values()].filter(({ length }) => length > 1).map((each) => each.map(({ cidr }) => cidr))
}

/** Returns the nodes, and the hosts with a MAC and an IPv4 address, in the order of the site file. */
function* machinesOf(model: Model): Generator<void, Machine[]> {
  const { site, endpoint, nodes } = model
  const filesOf = bootFiles(model)
  const booted = yield* flatMapSteps(nodes, (node): Machine[] => {
    if (!isIpv4Node(node)) return []
    const { key, fqdn, mac, otherMacs = [], address, subnet, dhcpOptions } = node
    const domain = subnet.domain ?? fqdn.slice(fqdn.indexOf('.') + 1)
    const boot = lazy(() =>
      node.bootsOverIpv6 === true ? bootsOverIpv6 : nodeBoot(node, endpoint, filesOf(node)),
    )
    return [{ name: key, fqdn, domain, macs: [mac, ...otherMacs], address, subnet, boot, dhcpOptions }]
  })
  const others = site.hosts.flatMap((host): Machine[] => {
    const { name, mac: macs } = host
    const address = reservedAddress(host)
    const subnet = address === undefined ? undefined : subnetOf(site, address)
    if (macs === undefined || address === undefined || subnet === undefined) return []
    const domain = subnet.domain ?? name.split('.').slice(1).join('.')
    const dhcpOptions = [site, subnet, host].flatMap((owner) => owner.dhcpOptions)
    return [{ name, fqdn: name, domain, macs, address, subnet, boot: undefined, dhcpOptions }]
  })
  return [...booted, ...others]
}

/**
 * Returns how boot files are described in replies. Beside another DHCP server, replies must be PXE replies, or clients do
 * not combine them with its lease: BIOS firmware and iPXE use the file in the reply, UEFI firmware sends a second request.
 */
function bootFiles({ endpoint }: Model): (node: Pick<NodeModel, 'subnet' | 'pxeOptions'>) => BootFiles {
  const tftp = once((name: LoaderName | ImageLoaderName | ConfigurationDirectory) =>
    tftpFile(name, formatIpv4(endpoint.address)),
  )
  const pxe = once((name: LoaderName | ImageLoaderName | ConfigurationDirectory) => pxeFile(tftp(name)))
  const fallback = once((name: LoaderName | ImageLoaderName | ConfigurationDirectory) =>
    fallbackFile(tftp(name)),
  )
  const http = once((name: LoaderName | ImageLoaderName) =>
    httpFile(absoluteUrl(endpoint, urlPaths.loader(name))),
  )
  return ({ subnet, pxeOptions }) => {
    if (subnet?.dhcp !== 'proxy') {
      return { PXEClient: pxeOptions ? pxe : tftp, HTTPClient: http, script: urlFile }
    }
    return {
      PXEClient: (name) => (pxeOptions || name.startsWith('bios/') ? pxe : fallback)(name),
      HTTPClient: http,
      script: (url) => pxeFile(urlFile(url)),
    }
  }
}

/** Returns the codes of options that are sent even if not requested; the last option of a code decides. */
function unrequestedCodes(options: readonly ExtraOption[]): number[] {
  const last = new Map(options.map((option) => [option.code, option]))
  return [...last.values()].filter(({ always }) => always).map(({ code }) => code)
}

/** Caches the results of a function, because many nodes share the options of a loader. */
function once<Key, Value>(create: (key: Key) => Value): (key: Key) => Value {
  const created = new Map<Key, Value>()
  return (key) => {
    const value = created.get(key) ?? create(key)
    created.set(key, value)
    return value
  }
}

// Findings about leases and host names.

/** A machine with a reservation: a node, or a host with a MAC address. */
export type Machine = {
  /** The identifier in logs: the key of a node, or the full name of a host. */
  readonly name: string
  readonly fqdn: string
  /** Option 15; empty without a domain. */
  readonly domain: string
  /** Any of them gets the address. */
  readonly macs: readonly Mac[]
  readonly address: Ipv4
  readonly subnet: Subnet
  readonly boot: (() => Reservation['boot']) | undefined
  /** Options without a key of their own; for the same code, the last one applies. */
  readonly dhcpOptions: readonly ExtraOption[]
}

/** An installation takes longer than a short lease; leases of 600 s expired during it (okd-project/okd#294). */
const minLeaseSeconds = 3600

/** HOST_NAME_MAX of Linux; RHCOS cuts longer names at their first dot. */
const maxHostName = 64

function dhcpFindings(site: Site, machines: readonly Machine[]): PlanFinding[] {
  return [...site.subnets.flatMap(subnetFindings), ...machines.flatMap(nameFindings)]
}

function subnetFindings(subnet: Subnet): PlanFinding[] {
  const about = `subnet ${formatCidr(subnet.cidr)}`
  const isProxy = subnet.dhcp === 'proxy'
  const code = isProxy ? 'dhcp.settings-unused' : 'dhcp.lease-short'
  const message = isProxy ? unusedKeys(subnet) : shortLease(subnet)
  return message === undefined ? [] : [{ code, severity: 'warning', about, message }]
}

function shortLease({ leaseSeconds }: Subnet): string | undefined {
  if (leaseSeconds >= minLeaseSeconds) return undefined
  return `a lease of ${leaseSeconds} s can expire during an installation: set leaseSeconds to ${minLeaseSeconds} or more`
}

/** Lists declared lease settings that have no effect because another server leases the addresses. */
function unusedKeys(subnet: Subnet): string | undefined {
  const { gateway, dns, domain, mtu, leaseSeconds } = subnet
  const declared: readonly [key: string, isDeclared: boolean][] = [
    ...Object.entries({ gateway, dns, domain, mtu }).map(([key, value]): [string, boolean] => [
      key,
      value !== undefined,
    ]),
    ...(['ntp', 'search', 'routes', 'dhcpOptions'] as const).map((key): [string, boolean] => [
      key,
      subnet[key].length > 0,
    ]),
    ['leaseSeconds', leaseSeconds !== defaultLeaseSeconds],
  ]
  const unused = declared.filter(([, isDeclared]) => isDeclared).map(([key]) => key)
  if (unused.length === 0) return undefined
  return `another DHCP server leases the addresses (dhcp: proxy), so these keys have no effect: ${unused.join(', ')}; configure them there`
}

/** Linux drops packets that arrive on the other interface (rp_filter), so the installer can lose its connections. */
function sharedAddress(model: Model, node: NodeModel): PlanFinding[] {
  const { key, otherMacs, subnet, kernelArguments, address } = node
  const isSet = kernelArguments.some((argument) => /^ip=(?!(?:dhcp|on|any)$)/.test(argument))
  if (otherMacs === undefined || subnet?.dhcp === 'proxy' || isSet) return []
  if (imageFacts(model, bootSource(node)).style === 'agent') return []
  const message = `its live system requests ${formatIp(address)} on each of its ${otherMacs.length + 1} interfaces, but only one can use it: set kernelArguments, for example bond=bond0:eno1,eno2:mode=active-backup and ip=bond0:dhcp`
  return [{ code: 'dhcp.interfaces-share-address', severity: 'warning', about: key, message }]
}

function nameFindings({ name, fqdn }: Machine): PlanFinding[] {
  if (fqdn.length <= maxHostName) return []
  const message = `host name ${fqdn} has ${fqdn.length} characters, more than the ${maxHostName} that Linux accepts: choose shorter names`
  return [{ code: 'dhcp.host-name-too-long', severity: 'warning', about: name, message }]
}
