/**
 * Decides how to answer a message of a declared client, by message type (RFC 8415 §16 and §18.3). Pure. Each machine has
 * one reserved address, and any identity association of the machine can get it.
 */
import { ipv6Octets, type Ipv6 } from '../../proto/address/ip.ts'
import { cidr6Contains, type Cidr6 } from '../../proto/address/network6.ts'
import { MessageType } from '../../proto/dhcpv6/message.ts'
import {
  decodeAssociation,
  OptionCode,
  StatusCode,
  type Association,
  type AssociationContents,
} from '../../proto/dhcpv6/option.ts'
import type { Reservation6Plan } from '../../plan/dhcpv6/plan.ts'
import type { Dhcpv6Code } from './codes.ts'
import type { Dhcpv6Request } from './request.ts'

export type Refusal = { readonly code: Dhcpv6Code; readonly reason: string }

/** An identity association of the reply. */
export type AnsweredAssociation = AssociationContents & { readonly code: number; readonly iaid: Uint8Array }

export type Status = { readonly code: number; readonly message: string }

export type Decision =
  | {
      readonly kind: 'advertised' | 'replied' | 'informed' | 'confirmed' | 'released' | 'declined'
      readonly associations: readonly AnsweredAssociation[]
      /** The status of the whole message. */
      readonly status?: Status
      /** Whether the reply to a SOLICIT already assigns the address. */
      readonly isRapid?: true
      /** Whether the reply assigns the reserved address. */
      readonly assigns: boolean
      /** Whether the client found that another machine uses the reserved address. */
      readonly isInUse?: true
    }
  /** No reply. */
  | ({ readonly kind: 'ignored' } & Refusal)

export type Answer = Exclude<Decision, { kind: 'ignored' }>

/** The maximum number of identity associations that are answered; a client has one for each of its interfaces. */
const maxAssociations = 16

/** @param networks the networks of the client's link */
export function decide(
  request: Dhcpv6Request,
  reservation: Reservation6Plan,
  networks: readonly Cidr6[],
  serverDuid: Uint8Array,
): Decision {
  const invalid = invalidReason(request, serverDuid)
  if (invalid !== undefined) return { kind: 'ignored', ...invalid }
  const isOnLink = networks.includes(reservation.subnet.network)
  const { type } = request.message
  switch (type) {
    case MessageType.solicit:
      return isOnLink ? solicit(request, reservation) : wrongNetwork(request, reservation)
    case MessageType.informationRequest:
      return isOnLink
        ? { kind: 'informed', associations: [], assigns: false }
        : wrongNetwork(request, reservation)
    case MessageType.request:
      return isOnLink ? assign('replied', request, reservation) : refuseRequest(request)
    case MessageType.renew:
    case MessageType.rebind:
      return extend(request, reservation, isOnLink)
    case MessageType.confirm:
      return confirm(request, networks)
    default:
      return release(request, reservation, type === MessageType.decline ? 'declined' : 'released')
  }
}

const withServer: ReadonlySet<number> = new Set([
  MessageType.request,
  MessageType.renew,
  MessageType.release,
  MessageType.decline,
])
const withoutServer: ReadonlySet<number> = new Set([
  MessageType.solicit,
  MessageType.confirm,
  MessageType.rebind,
])

/** RFC 8415 §16: which messages a server must discard. */
function invalidReason(request: Dhcpv6Request, serverDuid: Uint8Array): Refusal | undefined {
  const { message, clientId, serverId } = request
  const { type } = message
  const invalid = (reason: string): Refusal => ({ code: 'dhcpv6.invalid-message', reason })
  const isInformation = type === MessageType.informationRequest
  if (!withServer.has(type) && !withoutServer.has(type) && !isInformation) {
    return { code: 'dhcpv6.not-a-request', reason: `message type ${type} is not for a server` }
  }
  if (clientId === undefined && !isInformation) return invalid('the message has no client identifier')
  if (serverId === undefined) {
    return withServer.has(type) ? invalid('the message names no server') : undefined
  }
  if (withoutServer.has(type)) return invalid('the message must not name a server')
  if (!isEqual(serverId, serverDuid)) {
    return { code: 'dhcpv6.other-server', reason: 'the client chose another server' }
  }
  if (isInformation && associationsOf(request).length > 0) {
    return invalid('an INFORMATION-REQUEST must not have identity associations')
  }
  return undefined
}

type Requested = { readonly code: number } & Association

function associationsOf({ message }: Dhcpv6Request): Requested[] {
  const codes: readonly number[] = [OptionCode.iaNa, OptionCode.iaTa, OptionCode.iaPd]
  return message.options
    .filter(({ code }) => codes.includes(code))
    .slice(0, maxAssociations)
    .map(({ code, value }) => ({
      code,
      // IA_TA has no times (RFC 8415 §21.5).
      ...(code === OptionCode.iaTa
        ? { iaid: value.subarray(0, 4), addresses: [] }
        : decodeAssociation(value)),
    }))
    .filter(({ iaid }) => iaid.length === 4)
}

/** RFC 8415 §18.3.1 and §18.3.9. */
function solicit(request: Dhcpv6Request, reservation: Reservation6Plan): Decision {
  const isRapid = request.message.options.some(({ code }) => code === OptionCode.rapidCommit)
  const decision = assign(isRapid ? 'replied' : 'advertised', request, reservation)
  return isRapid ? { ...decision, isRapid } : decision
}

/** Assigns the reserved address to one association, and explains to the others why they get none. */
function assign(
  kind: 'advertised' | 'replied',
  request: Dhcpv6Request,
  reservation: Reservation6Plan,
): Answer {
  const all = associationsOf(request)
  const chosen = chosenAssociation(all, reservation)
  return {
    kind,
    associations: all.map((each) => ({
      code: each.code,
      iaid: each.iaid,
      ...(each === chosen ? assigned(reservation) : unassigned(each.code)),
    })),
    assigns: chosen !== undefined,
  }
}

/** Returns the IA_NA that has the reserved address, or else the first one. */
function chosenAssociation(all: readonly Requested[], { octets }: Reservation6Plan): Requested | undefined {
  const candidates = all.filter(({ code }) => code === OptionCode.iaNa)
  return (
    candidates.find(({ addresses }) => addresses.some((address) => isEqual(address, octets))) ?? candidates[0]
  )
}

function assigned({ octets, leaseSeconds }: Reservation6Plan): AssociationContents {
  return { addresses: [{ address: octets, preferred: leaseSeconds, valid: leaseSeconds }] }
}

function unassigned(code: number): AssociationContents {
  const status =
    code === OptionCode.iaPd
      ? { code: StatusCode.noPrefixAvailable, message: 'no prefixes are delegated' }
      : { code: StatusCode.noAddressesAvailable, message: 'one address is reserved for each machine' }
  return { addresses: [], status }
}

/** RFC 8415 §18.3.2: addresses of another link. */
function refuseRequest(request: Dhcpv6Request): Decision {
  const status = { code: StatusCode.notOnLink, message: 'the reserved address belongs to another link' }
  const associations = associationsOf(request).map(({ code, iaid }) => ({
    ...{ code, iaid, addresses: [] },
    status: code === OptionCode.iaNa ? status : unassigned(code).status,
  }))
  return { kind: 'replied', associations, assigns: false }
}

/** RFC 8415 §18.3.4 and §18.3.5: extends the reserved address; other addresses get lifetimes of 0. */
function extend(request: Dhcpv6Request, reservation: Reservation6Plan, isOnLink: boolean): Decision {
  const all = associationsOf(request)
  const chosen = isOnLink ? chosenAssociation(all, reservation) : undefined
  const associations = all.map((each): AnsweredAssociation => {
    const { code, iaid, addresses } = each
    const isKept = each === chosen
    const ended = addresses
      .filter((address) => !isKept || !isEqual(address, reservation.octets))
      .map((address) => ({ address, preferred: 0, valid: 0 }))
    if (isKept) return { code, iaid, addresses: [...assigned(reservation).addresses, ...ended] }
    if (ended.length > 0) return { code, iaid, addresses: ended }
    return { code, iaid, addresses: [], status: noBinding }
  })
  return { kind: 'replied', associations, assigns: chosen !== undefined }
}

const noBinding: Status = { code: StatusCode.noBinding, message: 'the association has no address' }

/** RFC 8415 §18.3.3: whether the client can use its addresses on this link. No reply if it lists none. */
function confirm(request: Dhcpv6Request, networks: readonly Cidr6[]): Decision {
  const addresses = associationsOf(request).flatMap((each) => each.addresses)
  if (addresses.length === 0) {
    return { kind: 'ignored', code: 'dhcpv6.invalid-message', reason: 'a CONFIRM lists no address' }
  }
  const isOnLink = addresses.every((address) => networks.some((network) => cidr6Contains(network, address)))
  const status = isOnLink
    ? { code: StatusCode.success, message: 'the addresses belong to this link' }
    : { code: StatusCode.notOnLink, message: 'an address belongs to another link' }
  return { kind: 'confirmed', associations: [], status, assigns: false }
}

/** RFC 8415 §18.3.7 and §18.3.8. A reservation is permanent, so there is nothing to do. */
function release(
  request: Dhcpv6Request,
  { octets }: Reservation6Plan,
  kind: 'released' | 'declined',
): Decision {
  const all = associationsOf(request)
  const others = all.filter(({ addresses }) => !addresses.some((address) => isEqual(address, octets)))
  return {
    kind,
    associations: others.map(({ code, iaid }) => ({ code, iaid, addresses: [], status: noBinding })),
    status: { code: StatusCode.success, message: kind },
    assigns: false,
    ...(kind === 'declined' && others.length < all.length && { isInUse: true }),
  }
}

function wrongNetwork({ link, sender }: Dhcpv6Request, { subnet }: Reservation6Plan): Decision {
  const from: Ipv6 | string = link ?? sender.interface ?? sender.address
  const reason = `the message came through ${from}, but the reservation is on ${subnet.network.network}/${subnet.network.prefix}`
  return { kind: 'ignored', code: 'dhcpv6.wrong-network', reason }
}

export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, index) => octet === other[index])
}

/** Returns the networks of a link that an address is on. */
export function networksOf(networks: readonly Cidr6[], address: Ipv6): Cidr6[] {
  const octets = ipv6Octets(address)
  return networks.filter((network) => cidr6Contains(network, octets))
}
