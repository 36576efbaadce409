/** Finds DHCP servers with a DISCOVER like that of a client: from the client port, which needs a privilege. */
import { randomBytes } from 'node:crypto'
import { pause, type Clock } from '../host/clock.ts'
import type { Datagram, Sockets } from '../host/udp.ts'
import { formatIpv4 } from '../proto/address/ip.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import { decodeMessage } from '../proto/dhcp/message.ts'
import { createDhcpProbe, encodeDhcpProbe, offerIn, type DhcpProbe } from '../proto/dhcp/probe.ts'

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
  const probe = createDhcpProbe(random)
  const servers = new Set<string>()
  const port = { port: clientPort, reuseAddress: true, broadcast: true }
  try {
    // The first socket receives broadcast replies; the second sends on the interface of its address.
    const receiver = await sockets.bindUdp({ ...port, address: '0.0.0.0' })
    try {
      const sender = await sockets.bindUdp({ ...port, address: source })
      try {
        const onOffer = (batch: readonly Datagram[]) => {
          for (const { payload } of batch) addServer(servers, payload, probe)
        }
        receiver.receive(onOffer)
        sender.receive(onOffer)
        const message = encodeDhcpProbe(probe)
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

function addServer(servers: Set<string>, payload: Uint8Array, { xid, mac }: DhcpProbe): void {
  try {
    const offer = offerIn(decodeMessage(Uint8Array.from(payload)))
    if (offer?.xid === xid && offer.mac === mac) servers.add(formatIpv4(offer.server))
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
  }
}
