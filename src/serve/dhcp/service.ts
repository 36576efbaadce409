/**
 * The DHCP service: passes datagrams to `respond`, sends its replies, counts, logs, and reports what it sees of nodes.
 * The socket that sends a reply decides the interface; Node offers no other choice.
 */
import { formatIpv4 } from '../../proto/address/ip.ts'
import { macFromOctets, type Mac } from '../../proto/address/mac.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { chaddrOffset } from '../../proto/dhcp/message.ts'
import type { Clock } from '../../host/clock.ts'
import { createEventLimiter } from '../../host/connection-limits.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Service, Datagram, UdpPort } from '../../host/udp.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import { formatMinute } from '../../plan/ignition/findings.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import type { Observe } from '../../install/observation.ts'
import type { DhcpCode } from './codes.ts'
import type { Arrival } from './decide.ts'
import { observationOf } from './observe.ts'
import { maxReplyOctets } from './reply.ts'
import { respond, type DhcpResult, type Replied, type RequestContext } from './respond.ts'
import { similarNodes, type SimilarNode } from './similar-mac.ts'
import { createIsAttached, createReplyInterface, openDhcpSockets, type DhcpSocketOptions } from './sockets.ts'
import {
  createOtherServers,
  createUnknownClients,
  RecentMap,
  type Declined,
  type OtherServer,
  type UnknownClient,
} from './unknown-clients.ts'

export type DhcpService = Service & {
  /** Undeclared machines that sent requests, latest first. */
  unknownClients(): readonly UnknownClient[]
  /** The same; the latest ones with the declared nodes that have a similar MAC address. */
  comparedClients(): readonly UnknownClient[]
  /** Declared machines that found their address in use, latest first. */
  declined(): readonly Declined[]
  /** Other DHCP servers that declared machines use, latest first. */
  otherServers(): readonly OtherServer[]
  /** Returns problems that other machines cause: they use an address of a node, or answer instead of this server. */
  problems(): ActiveProblem[]
}

/** How many undeclared machines are compared with the declared ones, which takes 50 µs each. */
const maxCompared = 100

/** Other servers and conflicts are no longer reported this long after they were last seen. */
const shownForMs = 3_600_000

/** @throws {CannotListen} when a socket cannot be opened; sockets opened before are closed again */
export async function startDhcp(
  options: DhcpSocketOptions & {
    readonly log: Log
    readonly counters: Counters
    readonly clock: Clock
    /** Receives observations of nodes. */
    readonly observe?: Observe
    /** Returns when each node was last seen, in milliseconds since 1970. */
    readonly lastSeen?: () => ReadonlyMap<string, number>
  },
): Promise<DhcpService> {
  const {
    plan,
    log,
    counters,
    clock,
    observe = () => {},
    lastSeen = () => new Map<string, number>(),
  } = options
  const unknownClients = createUnknownClients(clock)
  const otherServers = createOtherServers(clock)
  const declined = new RecentMap<Mac, Declined>()
  const out = new Uint8Array(maxReplyOctets)
  const isAttached = createIsAttached(options)
  const limit = createEventLimiter(clock)
  const replyInterface = createReplyInterface(options)
  const sockets = await openDhcpSockets(options)
  const through = replyInterface()
  if (through !== undefined) {
    const code: DhcpCode = 'dhcp.interface-unknown'
    log.info(
      { code, interface: through.name, others: through.others },
      'requests accepted from every interface',
    )
  }

  for (const { port, arrival, replies } of sockets) {
    port.receive((batch) => {
      const current = plan()
      for (const datagram of batch) handle(datagram, arrival, current, replies)
    })
  }

  function handle(datagram: Datagram, arrival: Arrival, current: DhcpPlan, replies: UdpPort): void {
    try {
      const result = respond(datagram, arrival, current, out, isAttached)
      if ('octets' in result) send(result, datagram, replies)
      record(result)
      const seen = observationOf(result, datagram, current)
      if (seen !== undefined) observe(seen)
    } catch (error) {
      const client = `${datagram.address}:${datagram.port}`
      if (error instanceof MalformedPacket) {
        counters.increment('dhcp.malformed')
        const declared = declaredSender(datagram.payload, current)
        const facts = { client, ...declared, ...refused('dhcp.malformed'), reason: error.message }
        const level = declared === undefined ? 'debug' : 'info'
        log[level]({ ...facts, octets: datagram.payload.length }, 'malformed packet')
        return
      }
      // A defect of slipway, not of the client: log the packet that shows it, and serve the next client.
      counters.increment('dhcp.failed')
      const packet = Buffer.from(datagram.payload).toString('hex')
      log.error({ client, ...refused('dhcp.internal-error'), err: error, packet }, 'packet handling failed')
    }
  }

  /** Counts the code of a refusal, and returns it as a field of the log line. */
  function refused(code: DhcpCode): { readonly code: DhcpCode } {
    counters.refuse(code)
    return { code }
  }

  function send({ octets, to, about }: Replied, sender: Datagram, replies: UdpPort): void {
    const { address, port } = to === 'sender' ? sender : to
    replies.send(out.subarray(0, octets), address, port, (error) => {
      counters.increment('dhcp.unsent')
      const { node, mac } = about
      const facts = { node, mac, client: `${address}:${port}`, ...refused('dhcp.reply-not-sent') }
      log.error({ ...facts, err: error }, 'reply not sent')
    })
  }

  function record(result: DhcpResult): void {
    const { counter, message } = outcomes[result.kind]
    counters.increment(counter)
    if (result.kind === 'not-ours') {
      const { code, reason } = result
      const facts = { ...refused(code), reason }
      // The machine may be a declared one: with this hardware type, it has no MAC address to compare.
      if (code === 'dhcp.not-ethernet') limit(reason, (count) => log.info({ ...facts, count }, message))
      else log.debug(facts, message)
      return
    }
    const { about } = result
    if (about.code !== undefined) counters.refuse(about.code)
    if (about.ignored !== undefined) counters.increment('dhcp.optionsIgnored', about.ignored.length)
    switch (result.kind) {
      case 'unknown-client': {
        const isLogged = result.isSimulated !== true && unknownClients.see(about.mac, result.client)
        const similar = isLogged ? similarFacts(about.mac) : {}
        log[isLogged ? 'info' : 'debug']({ ...result.client, ...facts(about), ...similar }, message)
        return
      }
      case 'other-server': {
        const { mac, node = '' } = about
        const server = formatIpv4(result.server)
        const isLogged = otherServers.see(server, { code: 'dhcp.other-server', server, mac, node })
        log[isLogged ? 'warn' : 'debug']({ ...facts(about), server }, message)
        return
      }
      case 'declined': {
        const { mac, node = '' } = about
        const address = formatIpv4(result.address)
        const count = (declined.get(mac)?.count ?? 0) + 1
        declined.set(mac, {
          code: 'dhcp.address-declined',
          mac,
          node,
          address,
          count,
          lastSeen: clock.now(),
        })
        log.warn({ ...facts(about), address, count }, message)
        return
      }
      case 'offered':
      case 'acknowledged':
      case 'informed':
      case 'boot-offered':
      case 'boot-acknowledged':
        if (about.reason !== undefined) counters.increment('dhcp.nothingToBoot')
        log.info({ ...facts(about), interface: replyInterface()?.name }, message)
        return
      case 'refused':
      case 'released':
      case 'ignored':
        log.info(facts(about), message)
    }
  }

  /** Names the declared nodes with a similar MAC address, for a machine that was just seen for the first time. */
  function similarFacts(mac: Mac): { readonly similar?: readonly SimilarNode[] } {
    const seenAt = lastSeen()
    const similar = similarNodes({ mac, firstSeen: clock.now() }, plan(), (node) => seenAt.get(node))
    return similar.length === 0 ? {} : { similar }
  }

  /** A machine that the site declares by now is no longer one of them. */
  const listUnknown = (): UnknownClient[] => {
    const { reservationByMac, proxiedByMac } = plan()
    return unknownClients.list().filter(({ mac }) => !reservationByMac.has(mac) && !proxiedByMac.has(mac))
  }

  const isRecent = ({ lastSeen }: { readonly lastSeen: number }) => clock.now() - lastSeen < shownForMs
  const recentlyDeclined = () => declined.values().filter(isRecent)
  const recentOtherServers = () => otherServers.list().filter(isRecent)

  return {
    name: 'dhcp',
    listening: sockets.map(({ port }) => `udp ${port.local.address}:${port.local.port}`),
    unknownClients: listUnknown,
    comparedClients() {
      const current = plan()
      const seenAt = lastSeen()
      return listUnknown().map((client, index) => {
        if (index >= maxCompared) return client
        const similar = similarNodes(client, current, (node) => seenAt.get(node))
        return similar.length === 0 ? client : { ...client, similar }
      })
    },
    declined: recentlyDeclined,
    otherServers: recentOtherServers,
    problems: () => [
      ...recentOtherServers().map(({ code, server, node, mac, lastSeen }) => {
        const last = formatMinute(lastSeen)
        return { code, text: `another DHCP server (${server}) answers ${node} (${mac}), last at ${last}` }
      }),
      ...recentlyDeclined().map(({ code, address, node, lastSeen }) => {
        const last = formatMinute(lastSeen)
        return { code, text: `another machine uses ${address}, the address of ${node}, last at ${last}` }
      }),
    ],
    async close() {
      await Promise.all(sockets.map(({ port }) => port.close()))
    },
  }
}

const outcomes: Readonly<Record<DhcpResult['kind'], { readonly counter: string; readonly message: string }>> =
  {
    offered: { counter: 'dhcp.offered', message: 'address offered' },
    acknowledged: { counter: 'dhcp.acknowledged', message: 'address acknowledged' },
    informed: { counter: 'dhcp.informed', message: 'parameters sent' },
    'boot-offered': { counter: 'dhcp.bootOffered', message: 'boot file offered' },
    'boot-acknowledged': { counter: 'dhcp.bootAcknowledged', message: 'boot file acknowledged' },
    refused: { counter: 'dhcp.refused', message: 'address refused' },
    declined: { counter: 'dhcp.declined', message: 'address declined: another machine uses it' },
    released: { counter: 'dhcp.released', message: 'address released' },
    ignored: { counter: 'dhcp.ignored', message: 'message ignored' },
    'other-server': { counter: 'dhcp.elsewhere', message: 'another DHCP server answered a declared machine' },
    'unknown-client': { counter: 'dhcp.strangers', message: 'undeclared client refused' },
    'not-ours': { counter: 'dhcp.notOurs', message: 'datagram ignored' },
  }

/** Returns the declared machine that sent a message of any format: `chaddr` is at a fixed offset (RFC 2131 §2). */
function declaredSender(
  payload: Uint8Array,
  { reservationByMac, proxiedByMac }: DhcpPlan,
): { readonly mac: Mac; readonly node: string } | undefined {
  if (payload.length < chaddrOffset + 6) return undefined
  const mac = macFromOctets(payload.subarray(chaddrOffset))
  const machine = reservationByMac.get(mac) ?? proxiedByMac.get(mac)
  return machine && { mac, node: machine.name }
}

/** Formats the context for the log: addresses in dotted text, the transaction as in packet dumps. */
function facts(about: RequestContext): Record<string, unknown> {
  const { xid, address, ignored } = about
  return {
    ...about,
    ignored: ignored?.map(({ text }) => text),
    address: address === undefined ? undefined : formatIpv4(address),
    xid: `0x${xid.toString(16).padStart(8, '0')}`,
  }
}
