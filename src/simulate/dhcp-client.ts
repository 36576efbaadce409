/**
 * DHCP clients over real sockets (RFC 2131 §3.1). All simulated machines share one pair of sockets, because there is only
 * one client port. Replies are assigned to a machine by xid and hardware address.
 */
import type { Clock } from '../host/clock.ts'
import type { Datagram, Sockets, UdpPort } from '../host/udp.ts'
import { formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { macFromOctets, type Mac } from '../proto/address/mac.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../proto/dhcp/option-table.ts'
import { clientHeader } from '../proto/dhcp/probe.ts'
import { simulationMark } from '../proto/dhcp/values/sub-options.ts'
import { BootProblem } from './timeline.ts'
import { addressIn, needsBootServer, messageTypeOf } from './dhcp-reply.ts'
import { selection, type DhcpProfile } from './dhcp-profiles.ts'

/** The result of a complete exchange. */
export type Lease = {
  readonly offer: DhcpMessage
  readonly ack: DhcpMessage
  /** Octets of both replies. */
  readonly octets: number
}

export type Reply = { readonly message: DhcpMessage; readonly octets: number }

export type DhcpClients = {
  /** @throws {BootProblem} when no server completes the exchange */
  exchange(profile: DhcpProfile, mac: Mac): Promise<Lease>
  /**
   * Sends only a DISCOVER.
   *
   * @throws {NoReply} when the server sends no offer
   */
  offer(profile: DhcpProfile, mac: Mac): Promise<Reply>
  /**
   * Requests only a boot file, as beside another DHCP server, whose lease is not requested: sends a DISCOVER, and if the
   * offer has no option 43, a REQUEST to the ProxyDHCP port with `address` as ciaddr.
   *
   * @throws {BootProblem} when the server does not answer
   */
  requestBootFile(profile: DhcpProfile, mac: Mac, address: Ipv4): Promise<readonly Reply[]>
  close(): Promise<void>
}

/** The expected server did not reply in time. */
export class NoReply extends BootProblem {
  /** `no reply within 7 s`, or the other servers that replied. */
  readonly got: string

  constructor(expected: string, got: string, check: string) {
    super(expected, got, check)
    this.got = got
  }
}

export type DhcpClientOptions = {
  readonly sockets: Sockets
  readonly clock: Clock
  /** Source address of the requests, in dotted text. */
  readonly source: string
  /** The server that is expected to answer. */
  readonly server: { readonly address: Ipv4; readonly port: number; readonly clientPort: number }
  /** An address of this machine: the clients are behind a relay agent with it, and send no broadcasts. */
  readonly relay?: Ipv4
  /** 32 random bits for each exchange. */
  readonly randomXid: () => number
}

type Waiting = {
  readonly mac: Mac
  receive(reply: Reply): void
}

/**
 * Shorter than the 4 to 32 s of firmware (RFC 2131 §4.1), so that a simulation ends soon. The last message is sent 5 s after
 * the first, because a server that has just started leases no address for 4 s, while it looks for other servers.
 */
const timeoutMs = [1000, 2000, 2000, 2000]

const anyAddress = '0.0.0.0'
const limitedBroadcast = '255.255.255.255'
/** Port of boot servers. */
const proxyPort = 4011
const bootReply = 2

export async function openDhcpClients(options: DhcpClientOptions): Promise<DhcpClients> {
  const { server, relay, randomXid } = options
  const { sender, ports } = await openPorts(options)
  const waitingByXid = new Map<number, Waiting>()
  for (const port of ports) port.receive((batch) => batch.forEach(dispatch))
  const relayed = relay === undefined ? {} : { giaddr: relay, hops: 1 }

  function dispatch({ payload }: Datagram): void {
    // The payload is valid only during this call, and the reply is read later.
    const octets = Uint8Array.from(payload)
    const message = decodeReply(octets)
    if (message === undefined) return
    const waiting = waitingByXid.get(message.xid)
    if (waiting?.mac === macFromOctets(message.chaddr)) waiting.receive({ message, octets: octets.length })
  }

  /** One transaction of one machine. */
  function transaction(profile: DhcpProfile, mac: Mac) {
    const xid = randomXid()
    const base = { ...clientHeader(mac), ...relayed, xid, flags: profile.flags }
    const send = (type: number, more: DhcpMessage['options'], from?: Ipv4) => {
      const out = new Uint8Array(1500)
      const ciaddr = from ?? base.ciaddr
      const written = encodeMessage(
        { ...base, ciaddr, options: [messageType(type), ...more, simulationMark()] },
        out,
      )
      // A client that has an address sends to the ProxyDHCP port.
      const isBroadcast = from === undefined && relay === undefined
      const to = isBroadcast ? limitedBroadcast : formatIpv4(server.address)
      sender.send(out.subarray(0, written), to, from === undefined ? server.port : proxyPort)
    }
    const request = (question: Omit<Question, 'mac' | 'profile'>) =>
      wait(options, waitingByXid, xid, { ...question, mac, profile })
    const discover = () =>
      request({
        send: () => send(MessageType.discover, profile.discover(mac)),
        port: server.port,
        wanted: 'OFFER',
        accepts: [MessageType.offer],
      })
    return { send, request, discover }
  }

  async function requestBootFile(profile: DhcpProfile, mac: Mac, address: Ipv4): Promise<readonly Reply[]> {
    const { send, request, discover } = transaction(profile, mac)
    const offer = await discover()
    if (!needsBootServer(offer.message)) return [offer]
    const ack = await request({
      send: () => send(MessageType.request, profile.discover(mac), address),
      port: proxyPort,
      wanted: 'ACK',
      accepts: [MessageType.ack],
    })
    return [offer, ack]
  }

  async function exchange(profile: DhcpProfile, mac: Mac): Promise<Lease> {
    const { send, request, discover } = transaction(profile, mac)
    const offer = await discover()
    const selected = selection(server.address, offer.message.yiaddr)
    const ack = await request({
      send: () => send(MessageType.request, profile.request(mac, selected)),
      port: server.port,
      wanted: 'ACK',
      accepts: [MessageType.ack, MessageType.nak],
    })
    if (messageTypeOf(ack.message) === MessageType.nak) {
      throw new BootProblem(
        `an ACK for the offered address ${formatIpv4(offer.message.yiaddr)}`,
        'a NAK',
        `the log of the server for ${mac}: perhaps the site was reloaded between offer and ACK`,
      )
    }
    return { offer: offer.message, ack: ack.message, octets: offer.octets + ack.octets }
  }

  return {
    exchange,
    offer: (profile, mac) => transaction(profile, mac).discover(),
    requestBootFile,
    close: async () => {
      await Promise.all(ports.map((port) => port.close()))
    },
  }
}

/** Opens the sockets of the clients, or the one of their relay agent, whose port is that of the server (RFC 2131 §4.1). */
async function openPorts({ sockets, source, server, relay }: DhcpClientOptions) {
  if (relay !== undefined) {
    const own = { address: formatIpv4(relay), port: server.port, reuseAddress: true }
    const sender = await sockets.bindUdp(own)
    return { sender, ports: [sender] }
  }
  const shared = { port: server.clientPort, reuseAddress: true }
  // The first socket receives broadcast replies; the second sends on the interface of its address.
  const receiver = await sockets.bindUdp({ ...shared, address: anyAddress })
  const sender = await openSender(sockets, { ...shared, address: source }, receiver)
  return { sender, ports: [receiver, sender] }
}

async function openSender(
  sockets: Sockets,
  options: { readonly address: string; readonly port: number; readonly reuseAddress: boolean },
  receiver: UdpPort,
): Promise<UdpPort> {
  try {
    return await sockets.bindUdp({ ...options, broadcast: true })
  } catch (error) {
    await receiver.close()
    throw error
  }
}

type Question = {
  readonly profile: DhcpProfile
  readonly mac: Mac
  readonly send: () => void
  readonly port: number
  readonly wanted: string
  readonly accepts: readonly number[]
}

/** Repeats the message until the expected server replies; collects replies of other servers for the error message. */
function wait(
  { clock, server }: DhcpClientOptions,
  waitingByXid: Map<number, Waiting>,
  xid: number,
  question: Question,
): Promise<Reply> {
  const { profile, mac, send, port, wanted, accepts } = question
  const others = new Set<string>()
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  let attempt = 0
  let timer = { cancel: () => {} }

  const transmit = (): void => {
    const delay = timeoutMs[attempt++]
    if (delay === undefined) {
      reject(noReply())
      return
    }
    timer = clock.after(delay, transmit)
    send()
  }
  const noReply = (): NoReply => {
    const seconds = timeoutMs.reduce((sum, ms) => sum + ms, 0) / 1000
    const came = others.size === 0 ? 'no reply' : `replies of other servers only (${[...others].join(', ')})`
    return new NoReply(
      `an ${wanted} from ${formatIpv4(server.address)}:${port} to the ${profile.name} of ${mac}`,
      `${came} within ${seconds} s`,
      'whether the server runs (slipway serve), and its log for this MAC address',
    )
  }
  waitingByXid.set(xid, {
    mac,
    receive(reply) {
      const from = addressIn(reply.message, OptionCode.serverIdentifier)
      if (from !== server.address)
        others.add(from === undefined ? 'one without a server identifier' : formatIpv4(from))
      else if (accepts.includes(messageTypeOf(reply.message) ?? 0)) resolve(reply)
    },
  })
  transmit()
  return promise.finally(() => {
    timer.cancel()
    waitingByXid.delete(xid)
  })
}

/** @returns `undefined` for other datagrams: own broadcasts, and packets that are not DHCP replies */
function decodeReply(octets: Uint8Array): DhcpMessage | undefined {
  try {
    const message = decodeMessage(octets)
    return message.op === bootReply ? message : undefined
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}

function messageType(type: number): { readonly code: number; readonly value: Uint8Array } {
  return { code: OptionCode.messageType, value: Uint8Array.of(type) }
}
