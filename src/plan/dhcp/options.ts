/** Encodes the option values of the plan once, when it is compiled. */
import { isHostAddress, type Cidr, type Ipv4 } from '../../proto/address/ip.ts'
import { maxFileNameLength } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import {
  encodeAddresses,
  encodeNumbers,
  encodeSeconds,
  encodeClasslessRoutes,
  encodeStaticRoutes,
} from '../../proto/dhcp/values/number.ts'
import { encodeDomainSearch, encodeText } from '../../proto/dhcp/values/text.ts'
import type { Subnet } from '../../site/schema.ts'
import type { BootFile, PreparedOption } from './plan.ts'

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
