/**
 * DHCP clients over real sockets (RFC 2131 §3.1): many machines behind one pair of sockets, because
 * there is one client port; replies find their machine by xid and hardware address.
 */
import type { Clock } from '../host/clock.ts'
import type { Datagram, Sockets, UdpPort } from '../host/udp.ts'
import { formatIpv4, type Ipv4 } from '../proto/address/ipv4.ts'
import { macFromOctets, macOctets, type Mac } from '../proto/address/mac.ts'
import { MalformedPacket } from '../proto/bytes/malformed.ts'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../proto/dhcp/option-table.ts'
import { simulationMark } from '../proto/dhcp/values/simulation.ts'
import { BootProblem } from './boot-problem.ts'
import { addressIn, asksAgain, messageTypeOf } from './dhcp-reply.ts'
import { selection, type DhcpProfile } from './dhcp-profiles.ts'

/** What a machine has after a completed exchange. */
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
   * Asks for a boot file alone, as beside another DHCP server, from whom nothing is taken: DISCOVER, and where the offer
   * has no option 43, a REQUEST at the ProxyDHCP port from the machine at `address`.
   *
   * @throws {BootProblem} when the server does not answer
   */
  askProxy(profile: DhcpProfile, mac: Mac, address: Ipv4): Promise<readonly Reply[]>
  close(): Promise<void>
}

export type DhcpClientOptions = {
  readonly sockets: Sockets
  readonly clock: Clock
  /** The address of this machine that requests leave from, dotted. */
  readonly source: string
  /** The server that is expected to answer. */
  readonly server: { readonly address: Ipv4; readonly port: number; readonly clientPort: number }
  /** 32 random bits for each exchange. */
  readonly randomXid: () => number
}

type Waiting = {
  readonly mac: Mac
  hear(reply: Reply): void
}

/** Firmware waits 4 to 32 s (RFC 2131 §4.1); a person who simulates would not. */
const timeoutMs = [1000, 2000, 4000]

const anyAddress = '0.0.0.0'
const limitedBroadcast = '255.255.255.255'
/** Where firmware asks a boot server. */
const proxyPort = 4011
const bootRequest = 1
const bootReply = 2
const ethernet = 1

export async function openDhcpClients(options: DhcpClientOptions): Promise<DhcpClients> {
  const { sockets, source, server, randomXid } = options
  const shared = { port: server.clientPort, reuseAddress: true }
  // Broadcast replies come to the first; what is sent from the second leaves by the interface of its address.
  const hearing = await sockets.bindUdp({ ...shared, address: anyAddress })
  const speaking = await openSpeaking(sockets, { ...shared, address: source }, hearing)
  const waitingByXid = new Map<number, Waiting>()
  for (const port of [hearing, speaking]) port.receive((batch) => batch.forEach(dispatch))

  function dispatch({ payload }: Datagram): void {
    // The payload is only valid here; a reply is read long after.
    const octets = Uint8Array.from(payload)
    const message = decodeReply(octets)
    if (message === undefined) return
    const waiting = waitingByXid.get(message.xid)
    if (waiting?.mac === macFromOctets(message.chaddr)) waiting.hear({ message, octets: octets.length })
  }

  /** One transaction of one machine. */
  function transaction(profile: DhcpProfile, mac: Mac) {
    const xid = randomXid()
    const base = { ...emptyMessage(mac), xid, flags: profile.flags }
    const say = (type: number, more: DhcpMessage['options'], from?: Ipv4) => {
      const out = new Uint8Array(1500)
      const ciaddr = from ?? base.ciaddr
      const written = encodeMessage(
        { ...base, ciaddr, options: [messageType(type), ...more, simulationMark()] },
        out,
      )
      // Who has an address asks at the ProxyDHCP port.
      if (from === undefined) speaking.send(out.subarray(0, written), limitedBroadcast, server.port)
      else speaking.send(out.subarray(0, written), formatIpv4(server.address), proxyPort)
    }
    const ask = (question: Omit<Question, 'mac' | 'profile'>) =>
      wait(options, waitingByXid, xid, { ...question, mac, profile })
    const discover = () =>
      ask({
        say: () => say(MessageType.discover, profile.discover(mac)),
        port: server.port,
        wanted: 'OFFER',
        accepts: [MessageType.offer],
      })
    return { say, ask, discover }
  }

  async function askProxy(profile: DhcpProfile, mac: Mac, address: Ipv4): Promise<readonly Reply[]> {
    const { say, ask, discover } = transaction(profile, mac)
    const offer = await discover()
    if (!asksAgain(offer.message)) return [offer]
    const ack = await ask({
      say: () => say(MessageType.request, profile.discover(mac), address),
      port: proxyPort,
      wanted: 'ACK',
      accepts: [MessageType.ack],
    })
    return [offer, ack]
  }

  async function exchange(profile: DhcpProfile, mac: Mac): Promise<Lease> {
    const { say, ask, discover } = transaction(profile, mac)
    const offer = await discover()
    const selected = selection(server.address, offer.message.yiaddr)
    const ack = await ask({
      say: () => say(MessageType.request, profile.request(mac, selected)),
      port: server.port,
      wanted: 'ACK',
      accepts: [MessageType.ack, MessageType.nak],
    })
    if (messageTypeOf(ack.message) === MessageType.nak) {
      throw new BootProblem(
        `an ACK for ${formatIpv4(offer.message.yiaddr)}, which was offered`,
        'a NAK',
        `the server's log for ${mac}: the site may have been reloaded between the two`,
      )
    }
    return { offer: offer.message, ack: ack.message, octets: offer.octets + ack.octets }
  }

  return {
    exchange,
    askProxy,
    close: async () => {
      await Promise.all([hearing.close(), speaking.close()])
    },
  }
}

async function openSpeaking(
  sockets: Sockets,
  options: { readonly address: string; readonly port: number; readonly reuseAddress: boolean },
  hearing: UdpPort,
): Promise<UdpPort> {
  try {
    return await sockets.bindUdp({ ...options, broadcast: true })
  } catch (error) {
    await hearing.close()
    throw error
  }
}

type Question = {
  readonly profile: DhcpProfile
  readonly mac: Mac
  readonly say: () => void
  readonly port: number
  readonly wanted: string
  readonly accepts: readonly number[]
}

/** Says it until the expected server answers; other servers' replies are remembered for the complaint. */
function wait(
  { clock, server }: DhcpClientOptions,
  waitingByXid: Map<number, Waiting>,
  xid: number,
  question: Question,
): Promise<Reply> {
  const { profile, mac, say, port, wanted, accepts } = question
  const others = new Set<string>()
  const { promise, resolve, reject } = Promise.withResolvers<Reply>()
  let attempt = 0
  let timer = { cancel: () => {} }

  const speak = (): void => {
    const delay = timeoutMs[attempt++]
    if (delay === undefined) {
      reject(silence())
      return
    }
    timer = clock.after(delay, speak)
    say()
  }
  const silence = (): BootProblem => {
    const seconds = timeoutMs.reduce((sum, ms) => sum + ms, 0) / 1000
    const came = others.size === 0 ? 'no reply' : `replies of other servers only (${[...others].join(', ')})`
    return new BootProblem(
      `an ${wanted} from ${formatIpv4(server.address)}:${port} to the ${profile.name} of ${mac}`,
      `${came} within ${seconds} s`,
      'whether the server runs (slipway serve) and what its log says of this mac',
    )
  }
  waitingByXid.set(xid, {
    mac,
    hear(reply) {
      const from = addressIn(reply.message, OptionCode.serverIdentifier)
      if (from !== server.address)
        others.add(from === undefined ? 'one without an identifier' : formatIpv4(from))
      else if (accepts.includes(messageTypeOf(reply.message) ?? 0)) resolve(reply)
    },
  })
  speak()
  return promise.finally(() => {
    timer.cancel()
    waitingByXid.delete(xid)
  })
}

/** @returns `undefined` for what is no reply: our own requests, heard again, or noise on the port */
function decodeReply(octets: Uint8Array): DhcpMessage | undefined {
  try {
    const message = decodeMessage(octets)
    return message.op === bootReply ? message : undefined
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}

function emptyMessage(mac: Mac) {
  const chaddr = new Uint8Array(16)
  chaddr.set(macOctets(mac))
  const none = 0 as Ipv4
  return {
    ...{ op: bootRequest, htype: ethernet, hlen: 6, hops: 0, secs: 0 },
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: none },
    ...{ chaddr, sname: '', file: '' },
  }
}

function messageType(type: number): { readonly code: number; readonly value: Uint8Array } {
  return { code: OptionCode.messageType, value: Uint8Array.of(type) }
}
