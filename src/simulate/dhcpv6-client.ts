/**
 * DHCPv6 clients over real sockets (RFC 8415 §18.2). The simulated machines of a link share one socket, on the link-local
 * address of this machine and the client port. Replies are assigned to a machine by transaction ID and DUID.
 */
import type { InterfaceAddresses } from '../host/attached-networks.ts'
import type { Clock } from '../host/clock.ts'
import type { Datagram, Sockets, UdpPort } from '../host/udp.ts'
import type { NodeModel } from '../plan/model.ts'
import { ipv6Octets, parseIpv6, type Ipv6 } from '../proto/address/ip.ts'
import { cidr6Contains, isLinkLocal, type Cidr6 } from '../proto/address/network6.ts'
import { MalformedPacket, Writer } from '../proto/bytes.ts'
import { duidOctets, formatDuid, linkLayerDuid, type Duid } from '../proto/dhcpv6/duid.ts'
import {
  allAgentsAndServers,
  decodeMessage,
  encodeMessage,
  MessageType,
  type ClientMessage,
} from '../proto/dhcpv6/message.ts'
import { firstValue, OptionCode, putAssociation, type Dhcpv6Option } from '../proto/dhcpv6/option.ts'
import type { Dhcpv6Profile } from './dhcpv6-profiles.ts'
import { addressIn6 } from './dhcpv6-reply.ts'
import { BootProblem } from './timeline.ts'

export type Link = {
  /** The name of an interface of this machine. */
  readonly name: string
  /** Its link-local address, with the name: `fe80::1%ens4`. */
  readonly address: string
  /** Its address in the network of the node. */
  readonly source: string
}

export type Lease6 = {
  readonly advertise: ClientMessage
  readonly reply: ClientMessage
  /** Octets of both messages. */
  readonly octets: number
}

export type Dhcpv6Clients = {
  /** @throws {BootProblem} when no server completes the exchange */
  exchange(profile: Dhcpv6Profile, node: NodeModel, link: Link): Promise<Lease6>
  close(): Promise<void>
}

type Options = {
  readonly sockets: Sockets
  readonly clock: Clock
  readonly links: readonly Link[]
  /** The server that is expected to answer: its DUID, and the ports of servers and clients. */
  readonly server: { readonly duid: Uint8Array; readonly port: number; readonly clientPort: number }
  /** 24 random bits for each exchange. */
  readonly randomId: () => number
}

type Reply = { readonly message: ClientMessage; readonly octets: number }
type Waiting = { readonly duid: Duid; receive(reply: Reply): void }

/** Shorter than those of firmware (RFC 8415 §7.6), so that a simulation ends soon. */
const timeoutMs = [1000, 2000, 4000]

/** @throws {CannotListen} when the client port is not available */
export async function openDhcpv6Clients(options: Options): Promise<Dhcpv6Clients> {
  const { sockets, links, server, randomId } = options
  const wanted = formatDuid(server.duid)
  const ports = new Map<string, UdpPort>()
  const waitingById = new Map<number, Waiting>()
  const close = async () => {
    await Promise.all([...ports.values()].map((port) => port.close()))
  }
  try {
    for (const { name, address } of links) {
      const port = await sockets.bindUdp({ address, port: server.clientPort, reuseAddress: true })
      ports.set(name, port)
      port.receive((batch) => batch.forEach(dispatch))
    }
  } catch (error) {
    await close()
    throw error
  }

  function dispatch({ payload }: Datagram): void {
    // The payload is valid only during this call, and the reply is read later.
    const octets = Uint8Array.from(payload)
    const message = decodeReply(octets)
    if (message === undefined) return
    const waiting = waitingById.get(message.transactionId)
    const clientId = firstValue(message.options, OptionCode.clientId)
    if (clientId !== undefined && waiting?.duid === formatDuid(clientId)) {
      waiting.receive({ message, octets: octets.length })
    }
  }

  return {
    async exchange({ name, options: shared }, node, link) {
      const clientId = node.duids?.[0] === undefined ? linkLayerDuid(node.mac) : duidOctets(node.duids[0])
      const ask = (type: number, accepted: number, more: readonly Dhcpv6Option[]): Promise<Reply> => {
        const transactionId = randomId()
        const packet = encodeMessage({
          kind: 'client',
          type,
          transactionId,
          options: [
            { code: OptionCode.clientId, value: clientId },
            ...more,
            ...shared,
            { code: OptionCode.elapsedTime, value: Uint8Array.of(0, 0) },
          ],
        })
        return wait(options.clock, waitingById, {
          ...{ transactionId, duid: formatDuid(clientId), accepted, wanted },
          who: `the ${name} of ${node.mac} on ${link.name}`,
          send: () => ports.get(link.name)?.send(packet, `${allAgentsAndServers}%${link.name}`, server.port),
        })
      }
      const offer = await ask(MessageType.solicit, MessageType.advertise, [association()])
      const ack = await ask(MessageType.request, MessageType.reply, [
        { code: OptionCode.serverId, value: server.duid },
        association(addressIn6(offer.message)),
      ])
      return { advertise: offer.message, reply: ack.message, octets: offer.octets + ack.octets }
    },
    close,
  }
}

/** An IA_NA with the address of the offer. */
function association(address?: string): Dhcpv6Option {
  const writer = new Writer(new Uint8Array(64))
  const addresses =
    address === undefined ? [] : [{ address: ipv6Octets(address as Ipv6), preferred: 0, valid: 0 }]
  putAssociation(writer, OptionCode.iaNa, Uint8Array.of(0, 0, 0, 1), { t1: 0, t2: 0 }, { addresses })
  return { code: OptionCode.iaNa, value: writer.octets.slice(4, writer.offset) }
}

type Question = {
  readonly transactionId: number
  readonly duid: Duid
  /** The type of the expected message. */
  readonly accepted: number
  /** The DUID of the server. */
  readonly wanted: Duid
  readonly who: string
  readonly send: () => void
}

/** Repeats the message until the expected server replies; collects replies of other servers for the error message. */
function wait(
  clock: Clock,
  waitingById: Map<number, Waiting>,
  { transactionId, duid, accepted, wanted, who, send }: Question,
): Promise<Reply> {
  const others = new Set<string>()
  const answered = Promise.withResolvers<Reply>()
  let timer = { cancel: () => {} }
  const transmit = (attempt: number): void => {
    const delay = timeoutMs[attempt]
    if (delay === undefined) {
      const type = accepted === MessageType.advertise ? 'an ADVERTISE' : 'a REPLY'
      const came =
        others.size === 0 ? 'no reply' : `replies of other servers only (${[...others].join(', ')})`
      const seconds = timeoutMs.reduce((sum, ms) => sum + ms, 0) / 1000
      const check = 'whether the server runs (slipway serve), and its log for this MAC address'
      answered.reject(
        new BootProblem(`${type} from ${wanted} to ${who}`, `${came} within ${seconds} s`, check),
      )
      return
    }
    timer = clock.after(delay, () => transmit(attempt + 1))
    send()
  }
  waitingById.set(transactionId, {
    duid,
    receive(reply) {
      const { type, options } = reply.message
      const serverId = firstValue(options, OptionCode.serverId)
      const from = serverId === undefined ? 'one without a DUID' : formatDuid(serverId)
      if (from !== wanted) others.add(from)
      else if (type === accepted) answered.resolve(reply)
    },
  })
  transmit(0)
  return answered.promise.finally(() => {
    timer.cancel()
    waitingById.delete(transactionId)
  })
}

/** @returns `undefined` for other datagrams */
function decodeReply(octets: Uint8Array): ClientMessage | undefined {
  try {
    const message = decodeMessage(octets)
    return message.kind === 'client' ? message : undefined
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}

/** Returns the interface of this machine that is on the network; `undefined` without one. */
export function linkOf(interfaces: InterfaceAddresses, network: Cidr6): Link | undefined {
  for (const [name, addresses = []] of Object.entries(interfaces)) {
    const own = addresses.flatMap(({ address, internal }) => (internal ? [] : (parseIpv6(address) ?? [])))
    const local = own.find((address) => isLinkLocal(ipv6Octets(address)))
    const source = own.find((address) => cidr6Contains(network, ipv6Octets(address)))
    if (local !== undefined && source !== undefined) return { name, address: `${local}%${name}`, source }
  }
  return undefined
}
