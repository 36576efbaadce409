/**
 * Decides how to answer a message of a declared client, by message type and client state (RFC 2131 §4.3). One
 * function per message type. Pure.
 */
import { cidrContains, formatCidr, formatIpv4, type Ipv4 } from '../../proto/address/ip.ts'
import { MessageType } from '../../proto/dhcp/option-table.ts'
import type { DhcpPlan, Reservation } from '../../plan/dhcp/plan.ts'
import type { DhcpCode } from './codes.ts'
import { isOnNetwork, type DhcpRequest } from './request.ts'

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
): Decision {
  const source = wrongSource(request)
  if (source !== undefined) return ignore('dhcp.source-not-ciaddr', source)
  switch (request.type) {
    case MessageType.discover:
      return onDiscover(request, reservation)
    case MessageType.request:
      return onRequest(request, reservation, plan, arrival)
    case MessageType.decline:
      return onDecline(request, reservation, plan)
    case MessageType.release:
      return onRelease(request, plan)
    case MessageType.inform:
      return onInform(request, reservation)
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
function onDiscover(request: DhcpRequest, reservation: Reservation): Decision {
  const { giaddr } = request.message
  if (isOnNetwork(giaddr, request.relay, reservation.network)) return { kind: 'offer' }
  return ignore('dhcp.wrong-network', wrongNetwork(request, reservation))
}

/** RFC 2131 §4.3.2. */
function onRequest(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  arrival: Arrival,
): Decision {
  const { ciaddr, giaddr } = request.message
  // SELECTING: only the chosen server answers.
  const other = otherServer(request, plan)
  if (other !== undefined) return usesOtherServer(other, plan, 'the client chose server')

  const state = stateOf(request, arrival)
  // Option 50 is for clients without an address; RENEWING and REBINDING clients put theirs into ciaddr.
  const hasAddress = state === 'renewing' || state === 'rebinding'
  const requested = hasAddress ? ciaddr : (request.requestedAddress ?? ciaddr)
  if (requested === 0) return ignore('dhcp.no-requested-address', 'REQUEST without a requested address')
  if (requested !== reservation.address) {
    const reason = `requested ${formatIpv4(requested)}, but the reservation is ${formatIpv4(reservation.address)}`
    return { kind: 'nak', state, code: 'dhcp.wrong-address', reason }
  }
  // RFC 2131 requires this NAK for INIT-REBOOT; in the other states the client cannot use the address there either.
  if (!isOnNetwork(giaddr, request.relay, reservation.network)) {
    return { kind: 'nak', state, code: 'dhcp.wrong-network', reason: wrongNetwork(request, reservation) }
  }
  return { kind: 'ack', state }
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
function onInform(request: DhcpRequest, reservation: Reservation): Decision {
  const { ciaddr } = request.message
  if (cidrContains(reservation.network, ciaddr)) return { kind: 'inform' }
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
  { message, relay }: DhcpRequest,
  { network }: Pick<Reservation, 'network'>,
): string {
  const from = formatIpv4(relay.link ?? message.giaddr)
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
