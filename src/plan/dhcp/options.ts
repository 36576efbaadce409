/** Option values of the plan, encoded once: what the operator declared, and only what applies. */
import { isHostAddress, type Cidr, type Ipv4 } from '../../proto/address/ipv4.ts'
import { maxFileNameLength } from '../../proto/dhcp/message.ts'
import { OptionCode } from '../../proto/dhcp/option-table.ts'
import { encodeAddresses, encodeNumbers, encodeSeconds } from '../../proto/dhcp/values/number.ts'
import { encodeDomainSearch } from '../../proto/dhcp/values/domain-search.ts'
import { encodeClasslessRoutes, encodeStaticRoutes } from '../../proto/dhcp/values/routes.ts'
import { encodeText } from '../../proto/dhcp/values/text.ts'
import type { Subnet } from '../../site/schema.ts'
import type { BootFile, PreparedOption } from './plan.ts'

/**
 * What a machine may ask for. The order is that of replies to clients which name no parameters, and what is
 * late in it is left out first where a reply is too long: how to reach anything, one's name, then comforts.
 *
 * @param nameServers option 6; this server where the subnet names none, which the site's rules allow while it answers
 * @param names `hostName` is fully qualified: it is the very name that the address resolves to, so a node is
 *   called the same whether it reads option 12 or its PTR record, and kubelet's certificates match both
 *   (RFC 2132 §3.14 allows it). An empty `domain` is none.
 */
export function machineOptions(
  subnet: Subnet,
  nameServers: readonly Ipv4[],
  names: { readonly hostName: string; readonly domain: string },
): ReadonlyMap<number, PreparedOption> {
  const { cidr, gateway, ntp, search, leaseSeconds, mtu } = subnet
  // A /31 or /32 has no broadcast address: the last address is a machine's.
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
    // The same routes under the code that Windows asked for before RFC 3442.
    { code: OptionCode.microsoftRoutes, value: classlessRoutes },
    // RFC 2131 §4.4.5: what clients assume by themselves, said aloud for those that do not.
    seconds(OptionCode.renewalTime, Math.floor(leaseSeconds / 2)),
    seconds(OptionCode.rebindingTime, Math.floor((leaseSeconds * 7) / 8)),
  ]
  const present = options.filter((option) => option.value.length > 0)
  return new Map(present.map((option) => [option.code, option]))
}

/**
 * RFC 3442, "DHCP Client Behavior": who reads option 121 ignores options 3 and 33, so the default route has to
 * stand among the others. Routes are never cut: one that is missing sends packets elsewhere.
 */
function withDefault({ gateway, routes }: Subnet): Subnet['routes'] {
  const everywhere = { network: 0, prefix: 0, mask: 0, broadcast: 0xffffffff } as Cidr
  if (routes.length === 0 || gateway === undefined) return routes
  return [{ to: everywhere, via: gateway }, ...routes]
}

export function leaseTime(subnet: Subnet): PreparedOption {
  return seconds(OptionCode.leaseTime, subnet.leaseSeconds)
}

/** A loader under the TFTP root: who serves it stands in siaddr, and as text in option 66. */
export function tftpFile(name: string, server: string): BootFile {
  return { ...urlFile(name), options: [bootFileName(name), text(OptionCode.tftpServerName, server)] }
}

/**
 * A boot file in a reply that calls itself PXE's (PXE specification 2.1 §2.2). Option 60 alone would be the word of a
 * boot server that has to be asked: OVMF stops with PXE-E16 (capture variant-ovmf-opt60), with both it boots
 * (variant-ovmf-opt60-43).
 */
export function pxeFile({ options, ...file }: BootFile): BootFile {
  const discovery = { code: OptionCode.vendorInformation, value: bootNamedFile }
  return { ...file, options: [text(OptionCode.vendorClass, 'PXEClient'), discovery, ...options] }
}

/**
 * The same without option 43: the word of a boot server that is to be asked at port 4011, for UEFI firmware beside
 * another DHCP server. EDK2 forgot every ProxyDHCP reply with option 43 until 2017 (tianocore/edk2#6944, seen on
 * servers in use), and asks again for one without it to this day; dnsmasq sends UEFI firmware there too.
 */
export function fallbackFile({ options, ...file }: BootFile): BootFile {
  return { ...file, options: [text(OptionCode.vendorClass, 'PXEClient'), ...options] }
}

/** PXE_DISCOVERY_CONTROL (sub-option 6) with bit 3 alone: boot the file that is named here, discover no server. */
const bootNamedFile = Uint8Array.of(6, 1, 0b1000, 255)

/** For UEFI HTTP Boot, which takes only replies that call themselves HTTP's (UEFI 2.10 §24.7). */
export function httpFile(url: string): BootFile {
  const { options, ...file } = urlFile(url)
  return { ...file, options: [text(OptionCode.vendorClass, 'HTTPClient'), ...options] }
}

/** A file that is named by its URL: no server needs to be named beside it. */
export function urlFile(name: string): BootFile {
  return { name, file: name.length > maxFileNameLength ? '' : name, options: [bootFileName(name)] }
}

/**
 * Deviates from RFC 2132 §2 (no NUL at the end of texts): some PXE ROMs read the name up to a NUL and would
 * otherwise take the next option's octets for a part of it. Receivers must take NULs off, and OVMF,
 * SeaBIOS and iPXE boot with it (captures boot-*, whose server does the same).
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

/** RFC 2132 §3.5: addresses stand in order of preference, so a list may lose its tail. */
function addressList(code: number, addresses: readonly Ipv4[]): PreparedOption {
  const value = encodeAddresses(addresses)
  return { code, value, cuts: Array.from({ length: addresses.length }, (_, index) => index * 4).slice(1) }
}

/** RFC 3397 §2: searched in the order of the list. */
function searchList(names: readonly string[]): PreparedOption {
  const cuts = names.map((_, index) => encodeDomainSearch(names.slice(0, index)).length).slice(1)
  return { code: OptionCode.domainSearch, value: encodeDomainSearch(names), cuts }
}
