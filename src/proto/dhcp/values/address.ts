/** Option values that are IPv4 addresses: one (RFC 2132 §3.3) or a list in order of preference (§3.5). */
import { type Ipv4, ipv4Octets } from '../../address/ipv4.ts'
import { Reader } from '../../bytes/reader.ts'
import { checkedValue, type DhcpOption } from '../option.ts'

/** @throws {MalformedPacket} when it is not four octets */
export function addressOf(option: DhcpOption): Ipv4 {
  return new Reader(checkedValue(option)).u32() as Ipv4
}

/** @throws {MalformedPacket} when it is not a whole number of addresses, or none */
export function addressesOf(option: DhcpOption): Ipv4[] {
  const reader = new Reader(checkedValue(option))
  return Array.from({ length: reader.remaining / 4 }, () => reader.u32() as Ipv4)
}

export function encodeAddresses(addresses: readonly Ipv4[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => [...ipv4Octets(address)]))
}
