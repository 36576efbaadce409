/**
 * Option values that are numbers (one or two octets, seconds, lists of 16-bit numbers), IPv4 addresses (RFC 2132
 * §3.3, §3.5), or routes: with any prefix (option 121, RFC 3442), and classful ones (option 33, RFC 2132 §5.8).
 */
import { formatIpv4, ipv4Octets, isUnicast, type Cidr, type Ipv4 } from '../../address/ip.ts'
import { Reader } from '../../bytes.ts'
import { checkedValue, malformedOption, type DhcpOption } from '../option.ts'

/** @throws {MalformedPacket} when it is not one octet */
export function u8Of(option: DhcpOption): number {
  return checkedValue(option)[0] as number
}

/** @throws {MalformedPacket} when it is not two octets */
export function u16Of(option: DhcpOption): number {
  return u16At(checkedValue(option), 0)
}

/** Returns the complete numbers of a list; an odd octet at its end is left out. */
export function u16sIn(value: Uint8Array): number[] {
  return Array.from({ length: value.length >>> 1 }, (_, index) => u16At(value, index * 2))
}

/** @throws {MalformedPacket} when it is not four octets */
export function secondsOf(option: DhcpOption): number {
  const value = checkedValue(option)
  return u16At(value, 0) * 0x10000 + u16At(value, 2)
}

export function encodeSeconds(seconds: number): Uint8Array {
  return encodeNumbers([seconds], 4)
}

/** Encodes unsigned numbers of `octets` octets each, big-endian (RFC 2132 §2). */
export function encodeNumbers(numbers: readonly number[], octets: 1 | 2 | 4): Uint8Array {
  const shifts = [24, 16, 8, 0].slice(4 - octets)
  return Uint8Array.from(numbers.flatMap((number) => shifts.map((shift) => number >>> shift)))
}

/** @throws {MalformedPacket} when it is not four octets */
export function addressOf(option: DhcpOption): Ipv4 {
  return new Reader(checkedValue(option)).u32() as Ipv4
}

/** @throws {MalformedPacket} when it is not the address of one host */
export function unicastOf(option: DhcpOption): Ipv4 {
  const address = addressOf(option)
  if (isUnicast(address)) return address
  throw malformedOption(option, `option ${option.code} has the address ${formatIpv4(address)}`)
}

/** @throws {MalformedPacket} when it is empty or not a whole number of addresses */
export function addressesOf(option: DhcpOption): Ipv4[] {
  const reader = new Reader(checkedValue(option))
  return Array.from({ length: reader.remaining / 4 }, () => reader.u32() as Ipv4)
}

export function encodeAddresses(addresses: readonly Ipv4[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => [...ipv4Octets(address)]))
}

function u16At(value: Uint8Array, at: number): number {
  return ((value[at] as number) << 8) | (value[at + 1] as number)
}

export type Route = {
  readonly to: Cidr
  readonly via: Ipv4
}

/**
 * Encodes the "Classless Route Option Format" of RFC 3442: prefix, significant octets of the network, router.
 *
 *      +--------+--------- … ---------+----------------------+
 *      | prefix | network, 0–4 octets | router, 4 octets     | …
 *      +--------+--------- … ---------+----------------------+
 */
export function encodeClasslessRoutes(routes: readonly Route[]): Uint8Array {
  return Uint8Array.from(
    routes.flatMap(({ to: { network, prefix }, via }) => [
      prefix,
      ...ipv4Octets(network).subarray(0, Math.ceil(prefix / 8)),
      ...ipv4Octets(via),
    ]),
  )
}

/**
 * Encodes the routes that option 33 can express. It has no masks: clients derive the mask from the class of the
 * network, and treat all other destinations as hosts.
 */
export function encodeStaticRoutes(routes: readonly Route[]): Uint8Array {
  return Uint8Array.from(
    routes
      .filter(({ to }) => to.prefix === classfulPrefix(to.network))
      .flatMap(({ to, via }) => [...ipv4Octets(to.network), ...ipv4Octets(via)]),
  )
}

/** RFC 791 §3.2. The default route is not allowed in option 33 (RFC 2132 §5.8). */
function classfulPrefix(network: Ipv4): number | undefined {
  if (network === 0) return undefined
  const prefix = network < 0x80000000 ? 8 : network < 0xc0000000 ? 16 : 24
  const hasHostBits = (network << prefix) >>> 0 !== 0
  return hasHostBits ? 32 : prefix
}
