/**
 * One DHCP message in, one verdict out (RFC 2131 §4.3): a reply written into the caller's buffer, or silence
 * with a reason that a person can read. Pure: what is counted, logged and remembered is the service's.
 */
import { cidrContains, formatCidr, formatIpv4, type Ipv4 } from '../../proto/address/ipv4.ts'
import { macFromOctets, type Mac } from '../../proto/address/mac.ts'
import { decodeMessage } from '../../proto/dhcp/message.ts'
import { shownText } from '../../proto/dhcp/values/text.ts'
import { chooseBoot, type BootClient } from '../../plan/dhcp/boot-table.ts'
import type { DhcpPlan, Proxied } from '../../plan/dhcp/plan.ts'
import { decide, type Arrival, type RequestState } from './decide.ts'
import { decideProxied, writeProxyReply } from './proxy.ts'
import { destination, writeReply, type Destination } from './reply.ts'
import { readRequest, type DhcpRequest } from './request.ts'
import { strangerFacts, type ClientFacts } from './unknown-clients.ts'

/** What a log line says about a decision. Absent fields were not known, or have no part in it. */
export type RequestContext = {
  readonly xid: number
  readonly mac: Mac
  /** The reservation's name: a node's key or a host's full name. */
  readonly node?: string | undefined
  readonly address?: Ipv4 | undefined
  readonly state?: RequestState | undefined
  /** The first of the client's system architectures. */
  readonly architecture?: number | undefined
  /** What it was given to boot. */
  readonly bootFile?: string | undefined
  /** Why it was refused or ignored, or got nothing to boot. */
  readonly reason?: string | undefined
}

/** A reply that is to be sent. */
export type Replied = {
  readonly kind: 'offered' | 'acknowledged' | 'informed' | 'refused' | 'boot-offered' | 'boot-acknowledged'
  /** How many octets of the caller's buffer it has. */
  readonly octets: number
  /** `sender` at the ProxyDHCP port, where some firmware asks from the client port and some from port 4011. */
  readonly to: Destination | 'sender'
  readonly about: RequestContext
  /** Who asked, by what it says of itself. */
  readonly client: BootClient
  /** Option 60, printable characters only. */
  readonly vendorClass: string
}

export type Verdict =
  | Replied
  | { readonly kind: 'declined'; readonly address: Ipv4; readonly about: RequestContext }
  | { readonly kind: 'released' | 'ignored'; readonly about: RequestContext }
  /** A declared machine deals with another DHCP server. */
  | { readonly kind: 'elsewhere'; readonly server: Ipv4; readonly about: RequestContext }
  | { readonly kind: 'stranger'; readonly stranger: ClientFacts; readonly about: RequestContext }
  /** Nothing that a client sends to a server; not worth a line of its own. */
  | { readonly kind: 'not-ours'; readonly reason: string }

/**
 * @param out holds `mostReplyOctets`
 * @throws {MalformedPacket} when the packet is not what RFC 2131 and the options that we read allow
 */
export function respond(packet: Uint8Array, arrival: Arrival, plan: DhcpPlan, out: Uint8Array): Verdict {
  const message = decodeMessage(packet)
  // Replies reach a server too: other servers' to relay agents, and our own where ports are shared.
  if (message.op !== 1) return { kind: 'not-ours', reason: 'a reply, not a request' }
  if (message.htype !== 1 || message.hlen !== 6) {
    return {
      kind: 'not-ours',
      reason: `hardware type ${message.htype} with ${message.hlen} octets is not Ethernet`,
    }
  }
  const request = readRequest(message)
  const mac = macFromOctets(message.chaddr)
  const seen = { xid: message.xid, mac, architecture: request.client.architectures[0] }

  // By hardware address alone: firmware, iPXE and the installed system of one machine send different client
  // identifiers (option 61), and all of them are to get its one address.
  const proxied = plan.proxiedByMac.get(mac)
  if (proxied !== undefined) return respondProxied(request, seen, proxied, plan, arrival, out)
  const reservation = plan.reservationByMac.get(mac)
  if (reservation === undefined) {
    if (isOtherServers(request, plan)) {
      return { kind: 'not-ours', reason: 'from a network whose addresses another DHCP server leases' }
    }
    const reason = noReservation(mac, request, plan)
    return { kind: 'stranger', stranger: strangerFacts(mac, request), about: { ...seen, reason } }
  }

  const known = { ...seen, node: reservation.name }
  if (arrival === 'proxy-port') {
    return {
      kind: 'ignored',
      about: { ...known, reason: 'its lease says what it boots: it has no business here' },
    }
  }
  const decision = decide(request, reservation, plan, arrival)
  switch (decision.kind) {
    case 'silence':
      return { kind: 'ignored', about: { ...known, reason: decision.reason } }
    case 'elsewhere':
      return { kind: 'elsewhere', server: decision.server, about: { ...known, reason: decision.reason } }
    case 'released':
      return { kind: 'released', about: { ...known, address: decision.address } }
    case 'declined':
      return { kind: 'declined', address: decision.address, about: known }
    case 'offer':
    case 'ack':
    case 'inform':
    case 'nak':
  }

  const { file, reason } = chooseBoot(reservation.boot, request.client)
  const octets = writeReply(decision, request, reservation, plan, file, out)
  const to = destination(decision, request, plan)
  const state = decision.kind === 'ack' || decision.kind === 'nak' ? decision.state : undefined
  const about =
    decision.kind === 'nak'
      ? { ...known, state, reason: decision.reason }
      : { ...known, state, address: reservation.address, bootFile: file?.name, reason }
  const vendorClass = shownText(request.vendorClass)
  return { kind: replied[decision.kind], octets, to, about, client: request.client, vendorClass }
}

const replied = { offer: 'offered', ack: 'acknowledged', inform: 'informed', nak: 'refused' } as const

/** For a machine whose address another server leases. */
function respondProxied(
  request: DhcpRequest,
  seen: RequestContext,
  proxied: Proxied,
  plan: DhcpPlan,
  arrival: Arrival,
  out: Uint8Array,
): Verdict {
  const decision = decideProxied(request, proxied, plan, arrival)
  const about = { ...seen, node: proxied.name }
  switch (decision.kind) {
    case 'lease':
      return { kind: 'not-ours', reason: decision.reason }
    case 'silence':
      return { kind: 'ignored', about: { ...about, reason: decision.reason } }
    case 'boot-offer':
    case 'boot-ack':
  }
  return {
    kind: decision.kind === 'boot-offer' ? 'boot-offered' : 'boot-acknowledged',
    octets: writeProxyReply(decision, request, plan, out),
    to: arrival === 'proxy-port' ? 'sender' : destination({ kind: 'offer' }, request, plan),
    about: { ...about, bootFile: decision.file.name },
    client: request.client,
    vendorClass: shownText(request.vendorClass),
  }
}

/** Machines that nobody declared and that do not boot are the daily life of a network with another DHCP server. */
function isOtherServers(request: DhcpRequest, plan: DhcpPlan): boolean {
  const { protocol, isIpxe } = request.client
  const place = placeOf(request, plan)
  const isProxied = plan.proxiedNetworks.some((network) => cidrContains(network, place))
  return protocol === undefined && !isIpxe && isProxied
}

/** Without a relay agent, the network is that of the server's address, or unknown behind other interfaces. */
function placeOf({ message, relay }: DhcpRequest, plan: DhcpPlan): Ipv4 {
  return relay.link ?? (message.giaddr === 0 ? plan.server : message.giaddr)
}

function noReservation(mac: Mac, request: DhcpRequest, plan: DhcpPlan): string {
  const place = placeOf(request, plan)
  const network = plan.networks.find((candidate) => cidrContains(candidate, place))
  return `no reservation for ${mac} on ${network === undefined ? formatIpv4(place) : formatCidr(network)}`
}
