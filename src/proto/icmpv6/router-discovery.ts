/** Router solicitations and advertisements of Neighbor Discovery (RFC 4861 §4.1 and §4.2). Pure. */
import { ipv6FromOctets, type Ipv6 } from '../address/ip.ts'
import { MalformedPacket, Reader } from '../bytes.ts'

/** IANA "ICMPv6 Type Numbers". */
const MessageType = { routerSolicitation: 133, routerAdvertisement: 134 } as const

/** RFC 4861 §4.6.2. */
const prefixInformation = 3

export type RouterAdvertisement = {
  /** M flag: addresses are available by DHCPv6. */
  readonly isManaged: boolean
  readonly prefixes: readonly AdvertisedPrefix[]
}

export type AdvertisedPrefix = {
  readonly network: Ipv6
  readonly prefix: number
  /** A flag: hosts choose an address in it themselves (SLAAC). */
  readonly isAutonomous: boolean
}

/** RFC 4861 §2.3: all routers of a link. */
export const allRouters = 'ff02::2'

/** Encodes a solicitation without options. The kernel writes the checksum. */
export function encodeRouterSolicitation(): Uint8Array {
  return Uint8Array.of(MessageType.routerSolicitation, 0, 0, 0, 0, 0, 0, 0)
}

/**
 * Decodes an advertisement.
 *
 * @returns `undefined` for other messages of ICMPv6
 * @throws {MalformedPacket} when a field or an option is cut off, or an option has no length
 */
export function decodeRouterAdvertisement(packet: Uint8Array): RouterAdvertisement | undefined {
  if (packet[0] !== MessageType.routerAdvertisement) return undefined
  const reader = new Reader(packet)
  reader.take(5)
  const flags = reader.u8()
  reader.take(10)
  const prefixes: AdvertisedPrefix[] = []
  while (reader.remaining > 0) {
    const at = reader.offset
    const type = reader.u8()
    const units = reader.u8()
    if (units === 0) throw new MalformedPacket('an option without a length', at)
    const option = new Reader(reader.take(8 * units - 2))
    if (type !== prefixInformation || units !== 4) continue
    const prefix = option.u8()
    const prefixFlags = option.u8()
    option.take(12)
    prefixes.push({
      network: ipv6FromOctets(option.take(16)),
      prefix,
      isAutonomous: (prefixFlags & 0x40) !== 0,
    })
  }
  return { isManaged: (flags & 0x80) !== 0, prefixes }
}
