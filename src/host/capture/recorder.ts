/**
 * Chooses the datagrams of one machine that a packet capture contains, and makes frames of them. Runs in the lanes and in
 * the main thread while a capture runs, and not at all otherwise.
 */
import { macOctets, type Mac } from '../../proto/address/mac.ts'
import { frameOf, headerOctets, type FrameEnd } from './frame.ts'

/** The machine of a capture. */
export type CaptureFilter = {
  /** At least one. */
  readonly macs: readonly Mac[]
  /** Its IP addresses in text. */
  readonly addresses: readonly string[]
  /** This server, for sockets that are bound to no address. */
  readonly server: { readonly address: string; readonly address6?: string }
}

export type CapturedFrame = {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Without the data of files: see {@link createRecorder}. */
  readonly frame: Uint8Array
  /** Length of the whole frame. */
  readonly octets: number
}

export type SocketAddress = { readonly address: string; readonly port: number }

/** Records the datagrams of the machine, and ignores all others. Payloads are copied. */
export type Recorder = {
  received(payload: Uint8Array, peer: SocketAddress, local: SocketAddress): void
  sent(payload: Uint8Array, peer: SocketAddress, local: SocketAddress): void
}

/** The Ethernet address of this server in captures: a locally administered one, because a socket does not know its interface. */
const serverMac = Uint8Array.of(2, 0, 0, 0, 0, 1)
const broadcastMac = new Uint8Array(6).fill(255)

/** The opcode of DATA, and the octets before its data (RFC 1350 §5). */
const tftpData = 3
const tftpDataHeaderOctets = 4

/** Messages on these ports are kept whole: their first octets can look like a DATA packet of TFTP. */
const otherPorts = new Set([53, 67, 547, 4011])

/** DHCPv6 clients send to this group (RFC 8415 §7.1). */
const dhcpv6Group = 'ff02::1:2'

/**
 * Datagrams of a machine have one of its IP addresses, or contain its MAC address, as DHCP messages do. Of a DATA packet
 * of TFTP, only the header is kept: boot scripts contain tokens.
 */
export function createRecorder(
  { macs, addresses, server }: CaptureFilter,
  now: () => number,
  record: (captured: CapturedFrame) => void,
): Recorder {
  const known = new Set<string>([...addresses, ...macs.map(linkLocalOf)])
  const machines = macs.map((mac) => Buffer.from(macOctets(mac)))
  const first = machines[0] ?? serverMac

  function take(payload: Uint8Array, peer: SocketAddress, local: SocketAddress, isSent: boolean): void {
    const kept = keptOctets(payload, local.port)
    const text = Buffer.from(payload.buffer, payload.byteOffset, kept)
    const own = machines.find((mac) => text.includes(mac))
    const address = withoutZone(peer.address)
    if (own === undefined && !known.has(address)) return
    const isIpv6 = address.includes(':')
    const client = {
      mac: address === '255.255.255.255' ? broadcastMac : (own ?? first),
      ...{ address, port: peer.port },
    }
    const here = { ...ownEnd(local, isIpv6), mac: serverMac }
    const frame = isSent
      ? frameOf(here, client, payload)
      : frameOf(client, arrivalOf(here, address, isIpv6), payload)
    record({ at: now(), frame: frame.slice(0, headerOctets(frame) + kept), octets: frame.length })
  }

  function ownEnd({ address, port }: SocketAddress, isIpv6: boolean): SocketAddress {
    if (address !== '0.0.0.0' && address !== '::') return { address: withoutZone(address), port }
    return { address: isIpv6 ? (server.address6 ?? '::') : server.address, port }
  }

  return {
    received: (payload, peer, local) => take(payload, peer, local, false),
    sent: (payload, peer, local) => take(payload, peer, local, true),
  }
}

/** A client without an address sends broadcasts, and clients of DHCPv6 send to a group. */
function arrivalOf(here: FrameEnd, client: string, isIpv6: boolean): FrameEnd {
  if (client === '0.0.0.0') return { ...here, address: '255.255.255.255', mac: broadcastMac }
  if (!isIpv6 || here.port !== 547) return here
  return { ...here, address: dhcpv6Group, mac: Uint8Array.of(0x33, 0x33, 0, 1, 0, 2) }
}

function keptOctets(payload: Uint8Array, localPort: number): number {
  const isData = payload[0] === 0 && payload[1] === tftpData && !otherPorts.has(localPort)
  return isData ? Math.min(payload.length, tftpDataHeaderOctets) : payload.length
}

function withoutZone(address: string): string {
  const zone = address.indexOf('%')
  return zone === -1 ? address : address.slice(0, zone)
}

/** Returns the link-local address that firmware makes from a MAC address (RFC 4291, appendix A). */
function linkLocalOf(mac: Mac): string {
  const [a = 0, ...rest] = macOctets(mac)
  const groups = [a ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)]
  const words = [0, 2, 4, 6].map((at) =>
    (((groups[at] as number) << 8) | (groups[at + 1] as number)).toString(16),
  )
  return `fe80::${words.join(':')}`
}
