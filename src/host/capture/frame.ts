/**
 * Datagrams as Ethernet frames with IP and UDP headers, for packet captures. A socket knows only the payload, the
 * addresses, and the ports: the rest of the headers is filled in. Pure.
 */
import { ipv4Octets, ipv6Octets, parseIpv4, parseIpv6, type Ipv4, type Ipv6 } from '../../proto/address/ip.ts'

export type FrameEnd = {
  /** Ethernet address. */
  readonly mac: Uint8Array
  /** In text, without a zone. */
  readonly address: string
  readonly port: number
}

const ethernetOctets = 14
const udpOctets = 8
const udp = 17
const hopLimit = 64

/**
 * Both addresses must be of the same family. The identification of IPv4 is 0, because no datagram is a fragment
 * (RFC 6864 §4.1).
 */
export function frameOf(from: FrameEnd, to: FrameEnd, payload: Uint8Array): Uint8Array {
  const isIpv6 = to.address.includes(':')
  const [source, destination] = [octetsOf(from.address, isIpv6), octetsOf(to.address, isIpv6)]
  const ipOctets = isIpv6 ? 40 : 20
  const udpAt = ethernetOctets + ipOctets
  const length = udpOctets + payload.length
  const frame = new Uint8Array(udpAt + length)
  const view = new DataView(frame.buffer)
  frame.set(to.mac, 0)
  frame.set(from.mac, 6)
  view.setUint16(12, isIpv6 ? 0x86dd : 0x0800)
  if (isIpv6) {
    view.setUint8(ethernetOctets, 6 << 4)
    view.setUint16(ethernetOctets + 4, length)
    frame.set([udp, hopLimit], ethernetOctets + 6)
  } else {
    frame.set([0x45, 0], ethernetOctets)
    view.setUint16(ethernetOctets + 2, ipOctets + length)
    frame.set([hopLimit, udp], ethernetOctets + 8)
  }
  frame.set(source, udpAt - 2 * source.length)
  frame.set(destination, udpAt - destination.length)
  if (!isIpv6) view.setUint16(ethernetOctets + 10, checksum(sum(frame.subarray(ethernetOctets, udpAt))))
  view.setUint16(udpAt, from.port)
  view.setUint16(udpAt + 2, to.port)
  view.setUint16(udpAt + 4, length)
  frame.set(payload, udpAt + udpOctets)
  const pseudoHeader = sum(source) + sum(destination) + udp + length
  // 0 would mean that there is none (RFC 768).
  view.setUint16(udpAt + 6, checksum(pseudoHeader + sum(frame.subarray(udpAt))) || 0xffff)
  return frame
}

/** Returns how many octets of a frame are before its payload. */
export function headerOctets(frame: Uint8Array): number {
  return ethernetOctets + (frame[12] === 0x86 ? 40 : 20) + udpOctets
}

function octetsOf(address: string, isIpv6: boolean): Uint8Array {
  return isIpv6 ? ipv6Octets(parseIpv6(address) as Ipv6) : ipv4Octets(parseIpv4(address) as Ipv4)
}

/** Adds up words of 16 bits; the last octet of an odd number is the high half of a word (RFC 1071). */
function sum(octets: Uint8Array): number {
  let total = 0
  for (let index = 0; index < octets.length; index++) {
    total += index % 2 === 0 ? (octets[index] as number) << 8 : (octets[index] as number)
  }
  return total
}

function checksum(total: number): number {
  let folded = total
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x10000)
  return ~folded & 0xffff
}
