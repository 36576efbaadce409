/** IPv6 networks (RFC 4291 §2.3), and the MAC address in an interface identifier (RFC 4291, Appendix A). */
import { cidrContains, ipv6FromOctets, ipv6Octets, parseIpv4, parseIpv6, type Cidr, type Ipv6 } from './ip.ts'
import { macFromOctets, type Mac } from './mac.ts'

/** An IPv6 network. `network` has no host bits. */
export type Cidr6 = {
  readonly network: Ipv6
  /** 0 to 128 */
  readonly prefix: number
  /** The sixteen octets of `network`. */
  readonly octets: Uint8Array
}

/** An IPv4 or an IPv6 network. */
export type AnyCidr = Cidr | Cidr6

export function isCidr6(network: AnyCidr): network is Cidr6 {
  return 'octets' in network
}

/** Returns whether an address in text is in one of the networks; a text that is not an address is in none. */
export function isInNetworks(networks: readonly AnyCidr[], address: string): boolean {
  const ipv4 = parseIpv4(address)
  if (ipv4 !== undefined) return networks.some((each) => !isCidr6(each) && cidrContains(each, ipv4))
  const ipv6 = parseIpv6(address)
  if (ipv6 === undefined) return false
  const octets = ipv6Octets(ipv6)
  return networks.some((each) => isCidr6(each) && cidr6Contains(each, octets))
}

const length = /^(?:0|[1-9]\d{0,2})$/

/** Parses `network/prefix`; returns `undefined` when the prefix is missing or host bits are set. */
export function parseCidr6(text: string): Cidr6 | undefined {
  const loose = parseLooseCidr6(text)
  return loose !== undefined && parseIpv6(text.slice(0, text.indexOf('/'))) === loose.network
    ? loose
    : undefined
}

/** Parses an address with a prefix and clears its host bits: `fd00:16::101/64` is fd00:16::/64. */
export function parseLooseCidr6(text: string): Cidr6 | undefined {
  const [addressText = '', prefixText = '', ...rest] = text.split('/')
  const address = parseIpv6(addressText)
  const prefix = Number(prefixText)
  if (address === undefined || rest.length > 0 || !length.test(prefixText) || prefix > 128) return undefined
  const octets = ipv6Octets(address).map((octet, index) => octet & maskOctet(prefix, index))
  return { network: ipv6FromOctets(octets), prefix, octets }
}

/** Returns the octet of the mask at `index`: 255 inside of the prefix, 0 behind it. */
function maskOctet(prefix: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefix - 8 * index))
  return (0xff00 >>> bits) & 0xff
}

export function formatCidr6({ network, prefix }: Cidr6): string {
  return `${network}/${prefix}`
}

/** @param address sixteen octets */
export function cidr6Contains({ octets, prefix }: Cidr6, address: Uint8Array): boolean {
  return octets.every((octet, index) => ((address[index] as number) & maskOctet(prefix, index)) === octet)
}

/** Returns whether two networks have addresses in common. */
export function cidr6Overlaps(one: Cidr6, other: Cidr6): boolean {
  return one.prefix <= other.prefix ? cidr6Contains(one, other.octets) : cidr6Contains(other, one.octets)
}

/** Returns whether an address is only valid on its link: fe80::/10 (RFC 4291 §2.5.6). */
export function isLinkLocal(address: Uint8Array): boolean {
  return address[0] === 0xfe && ((address[1] as number) & 0xc0) === 0x80
}

/** Returns whether one host can have the address: not ::, ::1, a multicast or a link-local address (RFC 4291 §2.4). */
export function isUnicast6(address: Uint8Array): boolean {
  const isUnspecifiedOrLoopback =
    address.subarray(0, 15).every((octet) => octet === 0) && (address[15] as number) < 2
  return address[0] !== 0xff && !isUnspecifiedOrLoopback && !isLinkLocal(address)
}

/**
 * Returns the MAC address that an address was derived from: its interface identifier has ff:fe in the middle and the
 * universal bit inverted (RFC 4291, Appendix A). Returns `undefined` for other identifiers, for example random ones.
 */
export function macFromEui64(address: Uint8Array): Mac | undefined {
  if (address[11] !== 0xff || address[12] !== 0xfe) return undefined
  const octets = new Uint8Array(6)
  octets.set(address.subarray(8, 11))
  octets.set(address.subarray(13, 16), 3)
  octets[0] = (octets[0] as number) ^ 2
  return macFromOctets(octets)
}
