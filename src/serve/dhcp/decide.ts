/**
 * What a declared client's message calls for, by message type and the client's state (RFC 2131 §4.3). One
 * function per message type; no octets here.
 */
import { cidrContains, formatCidr, formatIpv4, type Ipv4 } from '../../proto/address/ipv4.ts'
import { MessageType } from '../../proto/dhcp/option-table.ts'
import type { DhcpPlan, Reservation } from '../../plan/dhcp/plan.ts'
import { isOnNetwork } from './relay.ts'
import type { DhcpRequest } from './request.ts'

/** Which of the four states a REQUEST was sent in (RFC 2131 §4.3.2, table 4). */
export type RequestState = 'selecting' | 'init-reboot' | 'renewing' | 'rebinding'

/**
 * How a datagram came in, where the socket tells: Node does not say to which address it was sent. What comes in at
 * the ProxyDHCP port is for `proxy.ts`.
 */
export type Arrival = 'unicast' | 'broadcast' | 'unknown' | 'proxy-port'

export type Decision =
  | { readonly kind: 'offer' }
  | { readonly kind: 'ack'; readonly state: RequestState }
  /** An ACK to INFORM: parameters, but no address and no lease. */
  | { readonly kind: 'inform' }
  | { readonly kind: 'nak'; readonly state: RequestState; readonly reason: string }
  | { readonly kind: 'declined'; readonly address: Ipv4 }
  | { readonly kind: 'released'; readonly address: Ipv4 }
  | { readonly kind: 'silence'; readonly reason: string }
  /** Silence too: it deals with another DHCP server, which the operator may not know of. */
  | { readonly kind: 'elsewhere'; readonly server: Ipv4; readonly reason: string }

export function decide(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  arrival: Arrival,
): Decision {
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
      return silence('a BOOTP request without a DHCP message type')
    default:
      return silence(`message type ${request.type} is not for a server`)
  }
}

/**
 * RFC 2131 §4.3.1. The reserved address is offered whatever the client asked for (option 50), even after it
 * declined it: there is no other one, and the operator hears of the conflict.
 */
function onDiscover(request: DhcpRequest, reservation: Reservation): Decision {
  const { giaddr } = request.message
  if (isOnNetwork(giaddr, request.relay, reservation.network)) return { kind: 'offer' }
  return silence(wrongNetwork(request, reservation))
}

/** RFC 2131 §4.3.2. */
function onRequest(
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  arrival: Arrival,
): Decision {
  const { ciaddr, giaddr } = request.message
  // SELECTING: whom it did not choose has nothing to say.
  const other = otherServer(request, plan)
  if (other !== undefined) return elsewhere(other, plan, 'it chose the server')

  const state = stateOf(request, arrival)
  // Option 50 is for clients that have no address yet; RENEWING and REBINDING clients put theirs into ciaddr.
  const hasAddress = state === 'renewing' || state === 'rebinding'
  const wanted = hasAddress ? ciaddr : (request.requestedAddress ?? ciaddr)
  if (wanted === 0) return silence('a REQUEST that asks for no address')
  if (wanted !== reservation.address) {
    const reason = `${formatIpv4(wanted)} is not its address, ${formatIpv4(reservation.address)} is`
    return { kind: 'nak', state, reason }
  }
  // INIT-REBOOT asks for this NAK; the other states cannot use the address on another network either.
  if (!isOnNetwork(giaddr, request.relay, reservation.network)) {
    return { kind: 'nak', state, reason: wrongNetwork(request, reservation) }
  }
  return { kind: 'ack', state }
}

/** RFC 2131 §4.3.2, table 4: the states are told apart by what is filled in, the last two by how it was sent. */
function stateOf({ message, serverIdentifier }: DhcpRequest, arrival: Arrival): RequestState {
  if (serverIdentifier !== undefined) return 'selecting'
  if (message.ciaddr === 0) return 'init-reboot'
  return arrival === 'broadcast' || message.giaddr !== 0 ? 'rebinding' : 'renewing'
}

/** RFC 2131 §4.3.3. */
function onDecline(request: DhcpRequest, reservation: Reservation, plan: DhcpPlan): Decision {
  const other = otherServer(request, plan)
  if (other !== undefined) return elsewhere(other, plan, 'it declines an address of the server')
  return { kind: 'declined', address: request.requestedAddress ?? reservation.address }
}

/** RFC 2131 §4.3.4. A reservation stays with its machine, so there is nothing to do. */
function onRelease(request: DhcpRequest, plan: DhcpPlan): Decision {
  const other = otherServer(request, plan)
  if (other !== undefined) return elsewhere(other, plan, 'it releases an address of the server')
  return { kind: 'released', address: request.message.ciaddr }
}

/** RFC 2131 §4.3.5. The reply goes to ciaddr and describes the reservation's network, so it must be there. */
function onInform(request: DhcpRequest, reservation: Reservation): Decision {
  const { ciaddr } = request.message
  if (cidrContains(reservation.network, ciaddr)) return { kind: 'inform' }
  return silence(`INFORM from ${formatIpv4(ciaddr)}, which is not on ${formatCidr(reservation.network)}`)
}

/** The server that a client named in option 54, when that is not this one. */
function otherServer({ serverIdentifier, relay }: DhcpRequest, plan: DhcpPlan): Ipv4 | undefined {
  const isOurs = serverIdentifier === plan.server || serverIdentifier === relay.serverIdentifier
  return isOurs ? undefined : serverIdentifier
}

export function wrongNetwork(
  { message, relay }: DhcpRequest,
  { network }: Pick<Reservation, 'network'>,
): string {
  const from = formatIpv4(relay.link ?? message.giaddr)
  return `it asks by way of ${from}, its address is on ${formatCidr(network)}`
}

function elsewhere(server: Ipv4, plan: DhcpPlan, what: string): Decision {
  const reason = `${what} ${formatIpv4(server)}`
  return plan.peers.includes(server) ? silence(`${reason}, a peer`) : { kind: 'elsewhere', server, reason }
}

function silence(reason: string): Decision {
  return { kind: 'silence', reason }
}
