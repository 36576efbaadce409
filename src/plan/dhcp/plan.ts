/**
 * The plan of DHCP: reservations by MAC address, and the boot file of each kind of client. Option values are encoded once, when
 * the plan is compiled. Immutable.
 */
import { isHostAddress, type Cidr, type Ipv4 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { maxFileNameLength } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import {
  encodeAddresses,
  encodeClasslessRoutes,
  encodeNumbers,
  encodeSeconds,
  encodeStaticRoutes,
} from '../../proto/dhcp/values/number.ts'
import { encodeDomainSearch, encodeText } from '../../proto/dhcp/values/text.ts'
import type { Subnet } from '../../site/schema.ts'

export type DhcpPlan = {
  /** Server identifier (option 54), and next server (siaddr) of clients that boot. */
  readonly server: Ipv4
  /** Server identifiers of other slipway servers with the same site; a client may choose them. */
  readonly peers: readonly Ipv4[]
  /** The relay agents (giaddr) that may relay for each subnet; without a list, any address in the subnet. */
  readonly relays: readonly { readonly network: Cidr; readonly agents: readonly Ipv4[] }[]
  /** Port of servers and relay agents: 67. */
  readonly serverPort: number
  /** Port of clients: 68. */
  readonly clientPort: number
  /** Second port of a ProxyDHCP server: 4011; absent if this server leases all addresses. */
  readonly proxyPort: number | undefined
  readonly networks: readonly Cidr[]
  /** Groups of networks on one link: a client can have an address of any network in its group. */
  readonly segments: readonly (readonly Cidr[])[]
  /** The networks on which slipway leases addresses only if no other DHCP server answers. */
  readonly probed: readonly Cidr[]
  /** The networks whose addresses another DHCP server leases. */
  readonly proxiedNetworks: readonly Cidr[]
  readonly reservationByMac: ReadonlyMap<Mac, Reservation>
  /** Machines on these networks, which only get a boot file. */
  readonly proxiedByMac: ReadonlyMap<Mac, Proxied>
  /** Leases of undeclared machines; absent without the section `inventory`. */
  readonly inventory?: InventoryLeases
}

/** Addresses for undeclared machines that boot the inventory system (docs/decisions/0059). */
export type InventoryLeases = {
  /** Inclusive. */
  readonly from: Ipv4
  readonly to: Ipv4
  readonly network: Cidr
  readonly leaseMs: number
  /** What is sent with each of the addresses. */
  readonly settings: Omit<Reservation, 'name' | 'address'>
  /** Machines that the site declares in any way: they never get one of these addresses. */
  readonly declared: ReadonlySet<Mac>
}

/** A machine that gets its address from another DHCP server (ProxyDHCP, PXE specification 2.1 §2.2.3). */
export type Proxied = Pick<Reservation, 'name' | 'network' | 'boot'>

/** The address reserved for a machine, and the options that are sent with it. */
export type Reservation = {
  /** The key of a node (`ocp45/m1`) or the full name of a host. */
  readonly name: string
  readonly address: Ipv4
  readonly network: Cidr
  /** The MTU of the network, if the site sets it. */
  readonly mtu: number | undefined
  /** Option 51, in every lease even if not requested. */
  readonly leaseTime: PreparedOption
  /** Options by code, in the order for clients that send no parameter request list. */
  readonly options: ReadonlyMap<number, PreparedOption>
  /** Codes of options that are sent even if not requested. */
  readonly unrequested: readonly number[]
  /** Absent for hosts, which slipway does not boot. */
  readonly boot: NodeBoot | BootElsewhere | undefined
}

export type PreparedOption = {
  readonly code: number
  readonly value: Uint8Array
  /** Lengths at which a list that does not fit may be cut, in ascending order. */
  readonly cuts?: readonly number[]
}

/** A node that boots over the other version of IP; the reason is a sentence. */
export type BootElsewhere = { readonly elsewhere: string }

/** The boot files of one node. */
export type NodeBoot = {
  /** The script of the node, for iPXE. */
  readonly script: BootFile
  /** The architecture of a client that requests a boot file but does not identify itself; absent for UEFI and BIOS. */
  readonly silentArchitecture?: number
  /** What BIOS machines get instead of the script if their network card has iPXE; absent if they get the script. */
  readonly biosLoader?: BootFile
  /** Keys are client system architectures of firmware: a loader over TFTP, or over HTTP for HTTP architectures. */
  readonly loaderByArchitecture: ReadonlyMap<number, BootFile>
}

export type BootFile = {
  /** A path under the TFTP root, or a URL. */
  readonly name: string
  /** The header field `file`: the name, or empty if the name is longer than the field. */
  readonly file: string
  /** Options 67 and, for TFTP, 66, after those that mark a PXE or HTTP reply. Sent even if not requested. */
  readonly options: readonly PreparedOption[]
}

/**
 * Returns the options that a machine can request. Replies to clients that request no parameters have this order. If a
 * reply is too long, the last options are omitted first, so routing comes first, then names, then the rest.
 *
 * @param nameServers option 6
 * @param names `hostName` is fully qualified (RFC 2132 §3.14 allows it): a node gets the same name from option 12 and from
 *   its PTR record, and the certificates of kubelet match both. An empty `domain` is omitted.
 */
export function machineOptions(
  subnet: Subnet,
  nameServers: readonly Ipv4[],
  names: { readonly hostName: string; readonly domain: string },
): ReadonlyMap<number, PreparedOption> {
  const { cidr, gateway, ntp, search, leaseSeconds, mtu } = subnet
  // A /31 or /32 has no broadcast address: the last address is a host address.
  const broadcast = isHostAddress(cidr, cidr.broadcast) ? [] : [cidr.broadcast]
  const classlessRoutes = encodeClasslessRoutes(withDefault(subnet))
  const options: PreparedOption[] = [
    addressList(OptionCode.subnetMask, [cidr.mask]),
    addressList(OptionCode.router, gateway === undefined ? [] : [gateway]),
    { code: OptionCode.classlessRoutes, value: classlessRoutes },
    addressList(OptionCode.domainServer, nameServers),
    text(OptionCode.hostName, names.hostName),
    text(OptionCode.domainName, names.domain),
    { code: OptionCode.interfaceMtu, value: encodeNumbers(mtu === undefined ? [] : [mtu], 2) },
    addressList(OptionCode.ntpServers, ntp),
    searchList(search),
    addressList(OptionCode.broadcastAddress, broadcast),
    { code: OptionCode.staticRoutes, value: encodeStaticRoutes(subnet.routes) },
    // The same routes under the code that Windows requested before RFC 3442.
    { code: OptionCode.microsoftRoutes, value: classlessRoutes },
    // The defaults of RFC 2131 §4.4.5, for clients that do not assume them.
    seconds(OptionCode.renewalTime, Math.floor(leaseSeconds / 2)),
    seconds(OptionCode.rebindingTime, Math.floor((leaseSeconds * 7) / 8)),
  ]
  const present = options.filter((option) => option.value.length > 0)
  return new Map(present.map((option) => [option.code, option]))
}

/**
 * Adds the default route, because a client that reads option 121 ignores options 3 and 33 (RFC 3442, "DHCP Client
 * Behavior"). The list is never shortened, because without one route packets take another path.
 */
function withDefault({ gateway, routes }: Subnet): Subnet['routes'] {
  const everywhere = { network: 0, prefix: 0, mask: 0, broadcast: 0xffffffff } as Cidr
  if (routes.length === 0 || gateway === undefined) return routes
  return [{ to: everywhere, via: gateway }, ...routes]
}

export function leaseTime(subnet: Subnet): PreparedOption {
  return seconds(OptionCode.leaseTime, subnet.leaseSeconds)
}

/** Describes a loader under the TFTP root; the server is in siaddr, and as text in option 66. */
export function tftpFile(name: string, server: string): BootFile {
  return { ...urlFile(name), options: [bootFileName(name), text(OptionCode.tftpServerName, server)] }
}

/**
 * Describes a boot file in a PXE reply (PXE specification 2.1 §2.2). Option 60 alone would announce a boot server to
 * query: OVMF stops with PXE-E16 (capture variant-ovmf-opt60); with option 43 it boots (variant-ovmf-opt60-43).
 */
export function pxeFile({ options, ...file }: BootFile): BootFile {
  const discovery = { code: OptionCode.vendorInformation, value: bootNamedFile }
  return { ...file, options: [text(OptionCode.vendorClass, 'PXEClient'), discovery, ...options] }
}

/**
 * Describes the same without option 43, for UEFI firmware beside another DHCP server: it announces a boot server at port
 * 4011. EDK2 discarded ProxyDHCP replies with option 43 until 2017 (tianocore/edk2#6944, seen on servers in use), and
 * still sends a second request for replies without it. dnsmasq does the same.
 */
export function fallbackFile({ options, ...file }: BootFile): BootFile {
  return { ...file, options: [text(OptionCode.vendorClass, 'PXEClient'), ...options] }
}

/** PXE_DISCOVERY_CONTROL (sub-option 6) with only bit 3: boot the named file, discover no server. */
const bootNamedFile = Uint8Array.of(6, 1, 0b1000, 255)

/** Describes a file for UEFI HTTP Boot, which accepts only replies with vendor class HTTPClient (UEFI 2.10 §24.7). */
export function httpFile(url: string): BootFile {
  const { options, ...file } = urlFile(url)
  return { ...file, options: [text(OptionCode.vendorClass, 'HTTPClient'), ...options] }
}

/** Describes a file by its URL, which includes the server. */
export function urlFile(name: string): BootFile {
  return { name, file: name.length > maxFileNameLength ? '' : name, options: [bootFileName(name)] }
}

/**
 * Deviates from RFC 2132 §2: appends a NUL. Some PXE ROMs read the name up to a NUL and would otherwise include octets
 * of the next option. Receivers must remove it; OVMF, SeaBIOS, and iPXE boot with it (captures boot-*).
 */
function bootFileName(name: string): PreparedOption {
  return text(OptionCode.bootFileName, `${name}\0`)
}

function text(code: number, value: string): PreparedOption {
  return { code, value: encodeText(value) }
}

function seconds(code: number, value: number): PreparedOption {
  return { code, value: encodeSeconds(value) }
}

/** Addresses are in order of preference (RFC 2132 §3.5), so the end of a list may be cut off. */
function addressList(code: number, addresses: readonly Ipv4[]): PreparedOption {
  const value = encodeAddresses(addresses)
  return { code, value, cuts: Array.from({ length: addresses.length }, (_, index) => index * 4).slice(1) }
}

/** Clients search in the order of the list (RFC 3397 §2), so its end may be cut off. */
function searchList(names: readonly string[]): PreparedOption {
  const cuts = names.map((_, index) => encodeDomainSearch(names.slice(0, index)).length).slice(1)
  return { code: OptionCode.domainSearch, value: encodeDomainSearch(names), cuts }
}
