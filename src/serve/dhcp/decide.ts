/**
 * Decides how to answer a message of a declared client, by message type and client state (RFC 2131 §4.3). One
 * function per message type. Pure.
 */
import { formatCidr, formatIpv4, isHostAddress, type Ipv4 } from '../../proto/address/ip.ts'
import { MessageType, OptionCode } from '../../proto/dhcp/option-table.ts'
import type { DhcpPlan, Reservation } from '../../plan/dhcp/plan.ts'
import type { DhcpCode } from './codes.ts'
import { isOnNetwork, linkOf, type DhcpRequest, type IsAttached } from './request.ts'

/** The client state in which a REQUEST was sent (RFC 2131 §4.3.2, table 4). */
export type RequestState = 'selecting' | 'init-reboot' | 'renewing' | 'rebinding'

/**
 * How a datagram arrived, as far as the socket shows it: Node does not report the destination address. `proxy.ts`
 * handles messages to the ProxyDHCP port.
 */
export type Arrival = 'unicast' | 'broadcast' | 'unknown' | 'proxy-port'

export type Decision =
  | { readonly kind: 'offer' }
  | { readonly kind: 'ack'; readonly state: RequestState }
  /** An ACK to INFORM: parameters, but no address and no lease. */
  | { readonly kind: 'inform' }
  | ({ readonly kind: 'nak'; readonly state: RequestState } & Refusal)
  | { readonly kind: 'declined'; readonly address: Ipv4 }
  | { readonly kind: 'released'; readonly address: Ipv4 }
  /** No reply. */
  | ({ readonly kind: 'ignore' } & Refusal)
  /** No reply: the client uses another DHCP server, perhaps without the knowledge of the administrator. */
  | ({ readonly kind: 'other-server'; readonly server: Ipv4 } & Refusal)

/** Why a message gets no reply, or a NAK. */
export type Refusal = { readonly code: DhcpCode; readonly reason: string }

/**
 * Explains why a message without a relay agent would send its reply to an address that did not send the message;
 * returns `undefined` otherwise. RFC 2131 §4.3.5 and §4.4.3: such a client sends from its `ciaddr`. While REBINDING,
 * some clients (udhcpc) broadcast from 0.0.0.0, which does not leave the link.
 */
function wrongSource({ message, source, type }: DhcpRequest): string | undefined {
  const { ciaddr, giaddr } = message
  if (giaddr !== 0 || ciaddr === 0) return undefined
  if (type !== MessageType.request && type !== MessageType.inform) return undefined
  const isFromClient = source === formatIpv4(ciaddr) || (source === '0.0.0.0' && type === MessageType.request)
  return isFromClient ? undefined : `ciaddr is ${formatIpv4(ciaddr)}, but the message came from ${source}`
}

export function decide(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  arrival: Arrival,
  isAttached: IsAttached,
): Decision {
  const source = wrongSource(request)
  if (source !== undefined) return ignore('dhcp.source-not-ciaddr', source)
  switch (request.type) {
    case MessageType.discover:
      return onDiscover(request, reservation, plan, isAttached)
    case MessageType.request:
      return onRequest(request, reservation, plan, arrival, isAttached)
    case MessageType.decline:
      return onDecline(request, reservation, plan)
    case MessageType.release:
      return onRelease(request, plan)
    case MessageType.inform:
      return onInform(request, reservation, plan, arrival, isAttached)
    case undefined:
      return ignore('dhcp.bootp', 'BOOTP request without a DHCP message type')
    default:
      return ignore('dhcp.unsupported-message-type', `message type ${request.type} is not for a server`)
  }
}

/**
 * RFC 2131 §4.3.1. Offers the reserved address whatever the client requested (option 50), even after the client
 * declined it: there is no other address, and the log warns about the conflict.
 */
function onDiscover(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  isAttached: IsAttached,
): Decision {
  if (isOnNetwork(request, reservation.network, plan, isAttached)) return { kind: 'offer' }
  return ignore('dhcp.wrong-network', wrongNetwork(request, reservation, plan))
}

/**
 * Returns whether a client with an address may be behind a router: then its messages do not show its network. It sends
 * them by unicast while RENEWING, and in INFORM.
 */
function mayBeRouted({ message, source }: DhcpRequest, arrival: Arrival): boolean {
  const { ciaddr, giaddr } = message
  return giaddr === 0 && ciaddr !== 0 && arrival !== 'broadcast' && source === formatIpv4(ciaddr)
}

/** RFC 2131 §4.3.2. */
function onRequest(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  arrival: Arrival,
  isAttached: IsAttached,
): Decision {
  const { ciaddr } = request.message
  // SELECTING: only the chosen server answers.
  const other = otherServer(request, plan)
  if (other !== undefined) return usesOtherServer(other, plan, 'the client chose server')

  const state = stateOf(request, arrival)
  // Option 50 is for clients without an address; RENEWING and REBINDING clients put theirs into ciaddr.
  const hasAddress = state === 'renewing' || state === 'rebinding'
  const requested = hasAddress ? ciaddr : requestedAddress(request, reservation, state)
  if (requested === 0) return ignore('dhcp.no-requested-address', 'REQUEST without a requested address')
  if (requested !== reservation.address) {
    // The client may have chosen another server, and a NAK would take its address away.
    if (isIgnored(request, OptionCode.serverIdentifier)) {
      return ignore('dhcp.unreadable-server', 'the option that names the chosen server cannot be read')
    }
    const reason = `requested ${formatIpv4(requested)}, but the reservation is ${formatIpv4(reservation.address)}`
    return { kind: 'nak', state, code: 'dhcp.wrong-address', reason }
  }
  // RFC 2131 requires this NAK for INIT-REBOOT; in the other states the client cannot use the address there either.
  if (mayBeRouted(request, arrival) || isOnNetwork(request, reservation.network, plan, isAttached)) {
    return { kind: 'ack', state }
  }
  return { kind: 'nak', state, code: 'dhcp.wrong-network', reason: wrongNetwork(request, reservation, plan) }
}

/**
 * Returns option 50, or the reservation if the option cannot be read or a client that selects this server sends none: no
 * other address was offered to it, and it takes its address from the reply. Returns 0 if the address is not known.
 */
function requestedAddress(request: DhcpRequest, reservation: Reservation, state: RequestState): Ipv4 {
  const { ciaddr } = request.message
  const requested = request.requestedAddress ?? ciaddr
  if (requested !== 0 || isIgnored(request, OptionCode.serverIdentifier)) return requested
  const isOurs = state === 'selecting' || isIgnored(request, OptionCode.requestedAddress)
  return isOurs ? reservation.address : requested
}

/** Returns whether the message has an option with this code that cannot be read. */
function isIgnored({ ignored }: DhcpRequest, code: number): boolean {
  return ignored.some((option) => option.code === code)
}

/** RFC 2131 §4.3.2, table 4: the fields distinguish the states; the last two differ in how the client sends. */
function stateOf({ message, serverIdentifier }: DhcpRequest, arrival: Arrival): RequestState {
  if (serverIdentifier !== undefined) return 'selecting'
  if (message.ciaddr === 0) return 'init-reboot'
  return arrival === 'broadcast' || message.giaddr !== 0 ? 'rebinding' : 'renewing'
}

/** RFC 2131 §4.3.3. */
function onDecline(request: DhcpRequest, reservation: Reservation, plan: DhcpPlan): Decision {
  const other = otherServer(request, plan)
  if (other !== undefined) return usesOtherServer(other, plan, 'the client declined an address of server')
  return { kind: 'declined', address: request.requestedAddress ?? reservation.address }
}

/** RFC 2131 §4.3.4. A reservation is permanent, so there is nothing to do. */
function onRelease(request: DhcpRequest, plan: DhcpPlan): Decision {
  const other = otherServer(request, plan)
  if (other !== undefined) return usesOtherServer(other, plan, 'the client released an address of server')
  return { kind: 'released', address: request.message.ciaddr }
}

/** RFC 2131 §4.3.5. The reply goes to ciaddr and describes the reservation's network, so ciaddr must be on it. */
function onInform(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  arrival: Arrival,
  isAttached: IsAttached,
): Decision {
  const { ciaddr } = request.message
  const { network } = reservation
  if (isHostAddress(network, ciaddr)) {
    if (mayBeRouted(request, arrival) || isOnNetwork(request, network, plan, isAttached)) {
      return { kind: 'inform' }
    }
    return ignore('dhcp.wrong-network', wrongNetwork(request, reservation, plan))
  }
  const reason = `INFORM from ${formatIpv4(ciaddr)}, which is not on ${formatCidr(reservation.network)}`
  return ignore('dhcp.inform-wrong-network', reason)
}

/** Returns the server in option 54 when it is not this one. */
function otherServer({ serverIdentifier, relay }: DhcpRequest, plan: DhcpPlan): Ipv4 | undefined {
  const isOurs = serverIdentifier === plan.server || serverIdentifier === relay.serverIdentifier
  return isOurs ? undefined : serverIdentifier
}

/** Explains that a client sent its request from a network that does not contain its address. */
export function wrongNetwork(
  request: DhcpRequest,
  { network }: Pick<Reservation, 'network'>,
  { server }: Pick<DhcpPlan, 'server'>,
): string {
  const link = linkOf(request)
  const from = link === undefined ? `the network of ${formatIpv4(server)}` : formatIpv4(link)
  return `request came through ${from}, but the reservation is on ${formatCidr(network)}`
}

function usesOtherServer(server: Ipv4, plan: DhcpPlan, action: string): Decision {
  const reason = `${action} ${formatIpv4(server)}`
  return plan.peers.includes(server)
    ? ignore('dhcp.peer-server', `${reason}, a peer`)
    : { kind: 'other-server', server, code: 'dhcp.other-server', reason }
}

function ignore(code: DhcpCode, reason: string): Decision {
  return { kind: 'ignore', code, reason }
}
