/**
 * Finds DHCP servers with DISCOVER messages (RFC 2131 §3.1) from a random, locally administered MAC address. It never
 * sends a REQUEST, so no address is leased. Servers reserve an offered address for a short time only.
 */
import { randomBytes } from 'node:crypto'
import { pause, type Clock } from '../host/clock.ts'
import type { Datagram, Sockets } from '../host/udp.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import { macFromOctets, type Mac } from '../proto/address/mac.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import { broadcastFlag, decodeMessage, encodeMessage } from '../proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../proto/dhcp/option-table.ts'
import { simulationMark } from '../proto/dhcp/values/sub-options.ts'
import { emptyMessage } from '../simulate/dhcp-client.ts'
import { addressIn, messageTypeOf } from '../simulate/dhcp-reply.ts'

export type DiscoverOptions = {
  /** Address of this machine on the network to probe, in dotted text: the broadcast leaves through its interface. */
  readonly source: string
  /** Port of servers: 67. */
  readonly serverPort: number
  /** Port of clients: 68. */
  readonly clientPort: number
}

export type Offers = { readonly servers: readonly string[] } | { readonly problem: string }

/** A DISCOVER can be lost. Servers check with a ping that an address is free: dhcpd for 1 s, dnsmasq for 3 s. */
const sentAtMs = [0, 2000]
const waitMs = 6000

/** Returns the identifiers of the servers that made an offer (option 54). Never rejects. */
export async function discover(
  { source, serverPort, clientPort }: DiscoverOptions,
  {
    sockets,
    clock,
    random = randomBytes,
  }: {
    readonly sockets: Pick<Sockets, 'bindUdp'>
    readonly clock: Clock
    readonly random?: (octets: number) => Uint8Array
  },
): Promise<Offers> {
  const mac = privateMac(random(6))
  const xid = Buffer.from(random(4)).readUInt32BE()
  const servers = new Set<string>()
  const port = { port: clientPort, reuseAddress: true, broadcast: true }
  try {
    // The first socket receives broadcast replies; the second sends on the interface of its address.
    const receiver = await sockets.bindUdp({ ...port, address: '0.0.0.0' })
    try {
      const sender = await sockets.bindUdp({ ...port, address: source })
      try {
        const onOffer = (batch: readonly Datagram[]) => {
          for (const { payload } of batch) addServer(servers, payload, xid, mac)
        }
        receiver.receive(onOffer)
        sender.receive(onOffer)
        const message = discoverMessage(mac, xid)
        for (const [index, at] of sentAtMs.entries()) {
          sender.send(message, '255.255.255.255', serverPort)
          await pause(clock, (sentAtMs[index + 1] ?? waitMs) - at)
        }
      } finally {
        await sender.close()
      }
    } finally {
      await receiver.close()
    }
  } catch (error) {
    return { problem: (error as Error).message }
  }
  return { servers: [...servers] }
}

/** Sets the bit of locally administered addresses, and clears that of groups (IEEE 802-2014 §8.2). */
function privateMac(octets: Uint8Array): Mac {
  const own = Uint8Array.from(octets)
  own[0] = ((own[0] as number) & 0xfc) | 0x02
  return macFromOctets(own)
}

function discoverMessage(mac: Mac, xid: number): Uint8Array {
  const out = new Uint8Array(600)
  const options = [
    { code: OptionCode.messageType, value: Uint8Array.of(MessageType.discover) },
    // The mark keeps this machine out of the list of undeclared machines.
    simulationMark(),
  ]
  const length = encodeMessage({ ...emptyMessage(mac), xid, flags: broadcastFlag, options }, out)
  return out.subarray(0, length)
}

function addServer(servers: Set<string>, payload: Uint8Array, xid: number, mac: Mac): void {
  try {
    const message = decodeMessage(Uint8Array.from(payload))
    const isOffer = messageTypeOf(message) === MessageType.offer
    if (!isOffer || message.xid !== xid || macFromOctets(message.chaddr) !== mac) return
    const server = addressIn(message, OptionCode.serverIdentifier)
    if (server !== undefined) servers.add(formatIpv4(server))
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
  }
}
