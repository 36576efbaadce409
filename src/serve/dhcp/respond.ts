/**
 * Turns one DHCP message into one result (RFC 2131 §4.3): a reply in the caller's buffer, or no reply with a code and
 * a reason. Pure: the service counts, logs, and remembers.
 */
import { cidrContains, formatCidr, formatIpv4, type Cidr, type Ipv4 } from '../../proto/address/ip.ts'
import { macFromOctets, type Mac } from '../../proto/address/mac.ts'
import { decodeMessage } from '../../proto/dhcp/message.ts'
import type { IgnoredOption } from '../../proto/dhcp/option.ts'
import { offerIn, type DhcpOffer } from '../../proto/dhcp/probe.ts'
import { formatUuid, shownText } from '../../proto/dhcp/values/text.ts'
import { defined } from '../../text/defined.ts'
import type { Datagram } from '../../host/udp.ts'
import type { InventoryBindings } from '../../inventory/bindings.ts'
import { chooseBoot, type BootClient } from '../../plan/dhcp/boot-table.ts'
import type { DhcpPlan, Proxied, BootFile, Reservation } from '../../plan/dhcp/plan.ts'
import type { DhcpCode } from './codes.ts'
import { decide, type Arrival, type Refusal, type RequestState, wrongNetwork } from './decide.ts'
import { decideInventory } from './inventory.ts'
import { bootClientOf } from './silent-firmware.ts'
import {
  destination,
  writeReply,
  type Destination,
  type DhcpReply,
  putMachineIdentifier,
  writeMessage,
} from './reply.ts'
import {
  linkOf,
  readRequest,
  unknownRelay,
  type DhcpRequest,
  type IsAttached,
  isOnNetwork,
} from './request.ts'
import { clientFacts, type ClientFacts } from './unknown-clients.ts'
import { MessageType } from '../../proto/dhcp/option-table.ts'

/** The facts of a log line about a decision. Absent fields are unknown or do not apply. */
export type RequestContext = {
  readonly xid: number
  readonly mac: Mac
  /** The reservation's name: a node's key or a host's full name. */
  readonly node?: string | undefined
  readonly address?: Ipv4 | undefined
  readonly state?: RequestState | undefined
  /** The first of the client's system architectures. */
  readonly architecture?: number | undefined
  /** The boot file in the reply. */
  readonly bootFile?: string | undefined
  /** Why the message was refused or ignored, or the reply has no boot file. */
  readonly code?: DhcpCode | undefined
  readonly reason?: string | undefined
  /** Options of the message that cannot be used; absent without any. */
  readonly ignored?: readonly IgnoredOption[]
}

/** A reply to send. */
export type Replied = {
  readonly kind: 'offered' | 'acknowledged' | 'informed' | 'refused' | 'boot-offered' | 'boot-acknowledged'
  /** The length of the reply in the caller's buffer. */
  readonly octets: number
  /** `sender` at the ProxyDHCP port, where firmware uses either the client port or port 4011. */
  readonly to: Destination | 'sender'
  readonly about: RequestContext
  /** The client's description of itself. */
  readonly client: BootClient
  /** Option 60, printable characters only. */
  readonly vendorClass: string
  /** Option 97 of a DHCPREQUEST, if it identifies the machine. */
  readonly uuid?: string
  /** Whether `slipway simulate` sent the request. */
  readonly isSimulated: boolean
  /** An undeclared machine, which boots the inventory system. */
  readonly inventory?: InventoryClient
}

export type InventoryClient = {
  readonly client: ClientFacts
  readonly address: Ipv4
  readonly network: Cidr
  /** Whether the machine has the address now; else it was offered. */
  readonly isLeased: boolean
  /** A simulated machine, for which no address is reserved. */
  readonly isSimulated?: true
}

/** A declared machine uses another DHCP server. */
export type OtherServerUse = Omit<Replied, 'kind' | 'octets' | 'to'> & {
  readonly kind: 'other-server'
  readonly server: Ipv4
  /** Whether it accepted an offer; else it declined or released an address. */
  readonly isAccepted: boolean
}

export type DhcpResult =
  | Replied
  | { readonly kind: 'declined'; readonly address: Ipv4; readonly about: RequestContext }
  | { readonly kind: 'released' | 'ignored'; readonly about: RequestContext }
  | OtherServerUse
  | {
      readonly kind: 'unknown-client'
      readonly client: ClientFacts
      readonly about: RequestContext
      /** A simulation or a probe of slipway: not a machine that an administrator looks for. */
      readonly isSimulated?: true
    }
  /** Not a message of a client to this server; of another server, the offer in it. */
  | ({ readonly kind: 'not-ours'; readonly offer?: DhcpOffer } & Refusal)

/**
 * @param out has `maxReplyOctets`
 * @param isAttached by default, the site file decides for machines without a relay agent
 * @param bindings of undeclared machines; without them, there is no inventory boot
 * @throws {MalformedPacket} when the packet is not a DHCP message (RFC 2131 §2)
 */
export function respond(
  datagram: Pick<Datagram, 'payload' | 'address' | 'port'>,
  arrival: Arrival,
  plan: DhcpPlan,
  out: Uint8Array,
  isAttached: IsAttached = () => true,
  bindings?: InventoryBindings,
): DhcpResult {
  const message = decodeMessage(datagram.payload)
  // Servers receive replies too: of other servers to relay agents, and our own where ports are shared.
  if (message.op !== 1) {
    const offer = offerIn(message)
    const refusal = { code: 'dhcp.not-a-request', reason: 'a reply, not a request' } as const
    return { kind: 'not-ours', ...refusal, ...(offer && { offer }) }
  }
  if (message.htype !== 1 || message.hlen !== 6) {
    return {
      kind: 'not-ours',
      code: 'dhcp.not-ethernet',
      reason: `hardware type ${message.htype} with an address of ${message.hlen} octets is not Ethernet`,
    }
  }
  const request = readRequest(message, datagram)
  const mac = macFromOctets(message.chaddr)
  const { ignored } = request
  const architecture = request.client.architectures[0]
  const seen = { xid: message.xid, mac, architecture, ...(ignored.length > 0 && { ignored }) }

  // By hardware address only: firmware, iPXE, and the installed system of a machine send different client
  // identifiers (option 61), but must get the same address.
  const proxied = plan.proxiedByMac.get(mac)
  const reservation = plan.reservationByMac.get(mac)
  const relayProblem = unknownRelay(request, plan.relays)
  if (relayProblem !== undefined && (proxied ?? reservation) !== undefined) {
    return { kind: 'ignored', about: { ...seen, code: 'dhcp.unknown-relay', reason: relayProblem } }
  }
  if (proxied !== undefined) return respondProxied(request, seen, proxied, plan, arrival, out, isAttached)
  if (reservation === undefined) {
    if (isForOtherServer(request, plan)) {
      return {
        kind: 'not-ours',
        code: 'dhcp.leased-by-other-server',
        reason: 'undeclared machine on a network whose addresses another DHCP server leases',
      }
    }
    const client = clientFacts(mac, request)
    const simulated = request.isSimulated ? { isSimulated: true as const } : {}
    const guest = bindings && decideInventory(request, mac, plan, bindings, arrival, isAttached)
    if (guest?.kind === 'reply') {
      const { decision, reservation } = guest
      const { address, network } = reservation
      const inventory = { client, address, network, isLeased: decision.kind === 'ack', ...simulated }
      return { ...reply(decision, request, reservation, plan, out, seen), inventory }
    }
    const { code, reason } = guest ?? {
      code: 'dhcp.no-reservation' as const,
      reason: noReservation(mac, request, plan),
    }
    const about = { ...seen, code, reason }
    return { kind: 'unknown-client', client, about, ...simulated }
  }

  const known = { ...seen, node: reservation.name }
  if (arrival === 'proxy-port') {
    return {
      kind: 'ignored',
      about: {
        ...known,
        code: 'dhcp.boot-file-in-lease',
        reason: 'ProxyDHCP request ignored: the lease already names the boot file',
      },
    }
  }
  const decision = decide(request, reservation, plan, arrival, isAttached)
  switch (decision.kind) {
    case 'ignore':
      return { kind: 'ignored', about: { ...known, code: decision.code, reason: decision.reason } }
    case 'other-server': {
      const { server, code, reason } = decision
      const isAccepted = request.type === MessageType.request
      const about = { ...known, code, reason }
      return { kind: 'other-server', server, isAccepted, about, ...senderOf(request) }
    }
    case 'released':
      return { kind: 'released', about: { ...known, address: decision.address } }
    case 'declined':
      return {
        kind: 'declined',
        address: decision.address,
        about: { ...known, code: 'dhcp.address-declined' },
      }
    case 'offer':
    case 'ack':
    case 'inform':
    case 'nak':
  }
  return reply(decision, request, reservation, plan, out, known)
}

/** Writes the reply, and describes it. */
function reply(
  decision: DhcpReply,
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  out: Uint8Array,
  known: RequestContext,
): Replied {
  const client = bootClientOf(request, reservation.boot)
  const { file, reason } = chooseBoot(reservation.boot, client)
  const octets = writeReply(decision, request, reservation, plan, file, out)
  const to = destination(decision, request, plan)
  const state = decision.kind === 'ack' || decision.kind === 'nak' ? decision.state : undefined
  const about =
    decision.kind === 'nak'
      ? { ...known, state, code: decision.code, reason: decision.reason }
      : {
          ...known,
          architecture: client.architectures[0],
          state,
          address: reservation.address,
          bootFile: file?.name,
          ...noBootFile(reason),
        }
  return { kind: replied[decision.kind], octets, to, about, ...senderOf(request), client }
}

function senderOf({ client, vendorClass, isSimulated, type, machineIdentifier }: DhcpRequest) {
  const hasUuid = machineIdentifier !== undefined && type === MessageType.request
  const uuid = hasUuid ? formatUuid(machineIdentifier) : undefined
  return { client, vendorClass: shownText(vendorClass), isSimulated, ...defined({ uuid }) }
}

const replied = { offer: 'offered', ack: 'acknowledged', inform: 'informed', nak: 'refused' } as const

function noBootFile(reason: string | undefined): Pick<RequestContext, 'code' | 'reason'> {
  return reason === undefined ? {} : { code: 'dhcp.no-boot-file', reason }
}

/** Responds to a machine whose address another server leases. */
function respondProxied(
  request: DhcpRequest,
  seen: RequestContext,
  proxied: Proxied,
  plan: DhcpPlan,
  arrival: Arrival,
  out: Uint8Array,
  isAttached: IsAttached,
): DhcpResult {
  const decision = decideProxied(request, proxied, plan, arrival, isAttached)
  const about = { ...seen, node: proxied.name }
  switch (decision.kind) {
    case 'other-lease':
      return { kind: 'not-ours', code: decision.code, reason: decision.reason }
    case 'ignore':
      return { kind: 'ignored', about: { ...about, code: decision.code, reason: decision.reason } }
    case 'boot-offer':
    case 'boot-ack':
  }
  return {
    kind: decision.kind === 'boot-offer' ? 'boot-offered' : 'boot-acknowledged',
    octets: writeProxyReply(decision, request, plan, out),
    to: arrival === 'proxy-port' ? 'sender' : destination({ kind: 'offer' }, request, plan),
    about: { ...about, bootFile: decision.file.name },
    ...senderOf(request),
  }
}

/** Undeclared machines that do not boot are normal on a network with another DHCP server. */
function isForOtherServer(request: DhcpRequest, plan: DhcpPlan): boolean {
  const { protocol, isIpxe } = request.client
  const link = linkAddress(request, plan)
  const isProxied = plan.proxiedNetworks.some((network) => cidrContains(network, link))
  return protocol === undefined && !isIpxe && isProxied
}

/** Returns an address on the client's network. Without a relay agent, assumes the network of the server's address. */
function linkAddress(request: DhcpRequest, plan: DhcpPlan): Ipv4 {
  return linkOf(request) ?? plan.server
}

function noReservation(mac: Mac, request: DhcpRequest, plan: DhcpPlan): string {
  const link = linkAddress(request, plan)
  const network = plan.networks.find((candidate) => cidrContains(candidate, link))
  return `no reservation for ${mac} on ${network === undefined ? formatIpv4(link) : formatCidr(network)}`
}

// ProxyDHCP (PXE specification 2.1 §2.2.3), for machines whose addresses another DHCP server leases. Sends only boot
// files, and only to declared machines that boot from the network: no address, no lease, no NAK.

type ProxyDecision =
  /** The reply to a DISCOVER, in addition to the other server's offer, or to a REQUEST at the ProxyDHCP port. */
  | { readonly kind: 'boot-offer' | 'boot-ack'; readonly file: BootFile }
  /** No reply: a message for the server that leases the address. */
  | ({ readonly kind: 'other-lease' } & Refusal)
  /** No reply. */
  | ({ readonly kind: 'ignore' } & Refusal)

function decideProxied(
  request: DhcpRequest,
  proxied: Proxied,
  plan: DhcpPlan,
  arrival: Arrival,
  isAttached: IsAttached,
): ProxyDecision {
  const { type, client, serverIdentifier = plan.server } = request
  const isAtProxyPort = arrival === 'proxy-port'
  if (type !== (isAtProxyPort ? MessageType.request : MessageType.discover)) {
    const reason = 'another DHCP server leases the address'
    return { kind: 'other-lease', code: 'dhcp.leased-by-other-server', reason }
  }
  if (serverIdentifier !== plan.server) {
    const reason = `request for the boot server ${formatIpv4(serverIdentifier)}`
    return { kind: 'ignore', code: 'dhcp.other-boot-server', reason }
  }
  // At the ProxyDHCP port the client has its address and does not use a relay agent.
  if (!isAtProxyPort && !isOnNetwork(request, proxied.network, plan, isAttached)) {
    return { kind: 'ignore', code: 'dhcp.wrong-network', reason: wrongNetwork(request, proxied, plan) }
  }
  const { file, reason } = chooseBoot(proxied.boot, client)
  if (file !== undefined) return { kind: isAtProxyPort ? 'boot-ack' : 'boot-offer', file }
  if (reason !== undefined) return { kind: 'ignore', code: 'dhcp.no-boot-file', reason }
  return {
    kind: 'other-lease',
    code: 'dhcp.leased-by-other-server',
    reason: 'not a network boot, and another DHCP server leases the address',
  }
}

const noAddress = 0 as Ipv4
const messageTypes = {
  'boot-offer': Uint8Array.of(MessageType.offer),
  'boot-ack': Uint8Array.of(MessageType.ack),
}

/**
 * Writes a reply without an address into `out`, which has `maxReplyOctets`. The server identifier is never that of
 * a relay agent (RFC 5107): the client sends its request to the ProxyDHCP port of this server.
 *
 * @returns how many octets it has
 */
function writeProxyReply(
  { kind, file }: Extract<ProxyDecision, { kind: 'boot-offer' | 'boot-ack' }>,
  request: DhcpRequest,
  plan: DhcpPlan,
  out: Uint8Array,
): number {
  const fields = {
    type: messageTypes[kind],
    server: plan.server,
    flags: request.message.flags,
    ciaddr: kind === 'boot-ack' ? request.message.ciaddr : noAddress,
    yiaddr: noAddress,
    siaddr: plan.server,
    file: file.file,
    leaseTime: undefined,
    mtu: undefined,
    passesRelay: true,
  }
  return writeMessage(fields, request, out, (options) => {
    for (const option of file.options) options.putPrepared(option)
    putMachineIdentifier(options, request)
  })
}
