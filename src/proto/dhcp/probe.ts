/**
 * The probe for DHCP servers: a DISCOVER (RFC 2131 §3.1) from a random, locally administered MAC address. It is never
 * followed by a REQUEST, so no address is leased; servers reserve an offered address for a short time only.
 */
import type { Ipv4 } from '../address/ip.ts'
import { macFromOctets, macOctets, type Mac } from '../address/mac.ts'
import { MalformedPacket } from '../bytes.ts'
import { broadcastFlag, encodeMessage, type DhcpHeader, type DhcpMessage } from './message.ts'
import { MessageType, OptionCode } from './option-table.ts'
import { unicastOf } from './values/number.ts'
import { simulationMark } from './values/sub-options.ts'

export type DhcpProbe = { readonly xid: number; readonly mac: Mac }

/** An offer of any server to any client. */
export type DhcpOffer = DhcpProbe & {
  /** Server identifier (option 54). */
  readonly server: Ipv4
}

/** @param random returns that many random octets */
export function createDhcpProbe(random: (octets: number) => Uint8Array): DhcpProbe {
  const own = Uint8Array.from(random(6))
  // Sets the bit of locally administered addresses, and clears that of groups (IEEE 802-2014 §8.2).
  own[0] = ((own[0] as number) & 0xfc) | 0x02
  const [a, b, c, d] = random(4) as unknown as [number, number, number, number]
  return { xid: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0, mac: macFromOctets(own) }
}

/** @param giaddr where servers send their offers, to the server port; 0 for a broadcast to the client port */
export function encodeDhcpProbe({ xid, mac }: DhcpProbe, giaddr = 0 as Ipv4): Uint8Array {
  const out = new Uint8Array(600)
  const options = [
    { code: OptionCode.messageType, value: Uint8Array.of(MessageType.discover) },
    // The mark keeps this machine out of the list of undeclared machines.
    simulationMark(),
  ]
  const length = encodeMessage({ ...clientHeader(mac), xid, giaddr, flags: broadcastFlag, options }, out)
  return out.subarray(0, length)
}

/** Returns the offer in a reply, if it is one with a readable server identifier. */
export function offerIn({ options, xid, chaddr }: DhcpMessage): DhcpOffer | undefined {
  const valueOf = (wanted: number) => options.find(({ code }) => code === wanted)
  if (valueOf(OptionCode.messageType)?.value[0] !== MessageType.offer) return undefined
  const identifier = valueOf(OptionCode.serverIdentifier)
  if (identifier === undefined) return undefined
  try {
    return { xid, mac: macFromOctets(chaddr), server: unicastOf(identifier) }
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    return undefined
  }
}

/** Returns the header of a client without an address (RFC 2131 §4.4.1). */
export function clientHeader(mac: Mac): Omit<DhcpHeader, 'xid' | 'flags'> {
  const chaddr = new Uint8Array(16)
  chaddr.set(macOctets(mac))
  const none = 0 as Ipv4
  return {
    op: 1,
    // Ethernet.
    htype: 1,
    hlen: 6,
    hops: 0,
    secs: 0,
    ciaddr: none,
    yiaddr: none,
    siaddr: none,
    giaddr: none,
    chaddr,
    sname: '',
    file: '',
  }
}
