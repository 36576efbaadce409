/**
 * Turns one DHCPv6 message into one result (RFC 8415 §18.3): a reply, or no reply with a code and a reason. Pure: the
 * service counts, logs, and sends.
 */
import type { Ipv6 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { isLinkLocal, type Cidr6 } from '../../proto/address/network6.ts'
import { MessageType } from '../../proto/dhcpv6/message.ts'
import { DuidType, type Duid } from '../../proto/dhcpv6/duid.ts'
import { OptionCode } from '../../proto/dhcpv6/option.ts'
import { chooseBoot } from '../../plan/dhcp/boot-table.ts'
import type { Dhcpv6Plan, Reservation6Plan } from '../../plan/dhcpv6/plan.ts'
import { askerOf, type Seen } from '../../install/observation.ts'
import type { Dhcpv6Code } from './codes.ts'
import { decide, networksOf, type Answer, type Decision, type Refusal } from './decide.ts'
import { writeReply } from './reply.ts'
import { readRequest, type Dhcpv6Request, type Sender } from './request.ts'

/** The facts of a log line about a message. */
export type Dhcpv6Context = {
  readonly transaction: string
  readonly mac?: Mac | undefined
  readonly duid?: Duid | undefined
  readonly node?: string | undefined
  /** The relay agent that is nearest to the client. */
  readonly relay?: Ipv6 | undefined
  readonly address?: Ipv6 | undefined
  readonly architecture?: number | undefined
  readonly bootFile?: string | undefined
  readonly code?: Dhcpv6Code | undefined
  readonly reason?: string | undefined
}

export type Dhcpv6Result =
  | {
      readonly kind: Exclude<Decision['kind'], 'ignored'>
      /** The length of the reply. */
      readonly octets: number
      /** The port of the sender that gets it. */
      readonly port: number
      readonly about: Dhcpv6Context
      /** Absent for hosts, and for messages that are not part of a boot. */
      readonly seen: Seen | undefined
    }
  | { readonly kind: 'ignored' | 'unknown-client'; readonly about: Dhcpv6Context }

export type ReceivedMessage = {
  readonly payload: Uint8Array
  readonly sender: Sender
  /** The source port. */
  readonly port: number
}

/** Returns the declared networks of an interface of this machine. */
export type NetworksOn = (name: string) => readonly Cidr6[]

/**
 * @param out has `maxReplyOctets`, and gets the reply
 * @throws {MalformedPacket} when the packet is not a DHCPv6 message of a client
 */
export function respond(
  { payload, sender, port }: ReceivedMessage,
  plan: Dhcpv6Plan,
  networksOn: NetworksOn,
  out: Uint8Array,
): Dhcpv6Result {
  const request = readRequest(payload, sender)
  const { message, duid, relays, boot } = request
  const macs = macsOf(request)
  const found = findReservation(request, plan)
  const seen: Dhcpv6Context = {
    transaction: transactionText(message.transactionId),
    mac: found?.mac ?? macs[0],
    duid,
    relay: relays.length === 0 ? undefined : sender.address,
    architecture: boot.architectures[0],
  }
  const ignore = ({ code, reason }: Refusal): Dhcpv6Result => ({
    kind: 'ignored',
    about: { ...seen, node: found?.reservation.name, code, reason },
  })

  const place = linkNetworks(request, plan, networksOn)
  if ('code' in place) return ignore(place)
  if (found === undefined) {
    const reason = `no reservation for ${[...macs, duid ?? 'a client without a DUID'].join(', ')}`
    return { kind: 'unknown-client', about: { ...seen, code: 'dhcpv6.no-reservation', reason } }
  }
  const { reservation } = found
  const decision = decide(request, reservation, place.networks, plan.serverDuid)
  if (decision.kind === 'ignored') return ignore(decision)

  const { file, reason } = chooseBoot(reservation.boot, boot)
  const sendsFile = decision.assigns || decision.kind === 'informed'
  return {
    kind: decision.kind,
    octets: writeReply(decision, request, reservation, plan, file, out),
    port: relays.length > 0 ? plan.serverPort : plan.clientPort,
    about: {
      ...seen,
      node: reservation.name,
      ...((decision.assigns || decision.isInUse) && { address: reservation.address }),
      ...(sendsFile && { bootFile: file?.name }),
      ...codeOf(decision, sendsFile ? reason : undefined),
    },
    seen: sendsFile ? observationOf(request, reservation, decision, port, plan, reason) : undefined,
  }
}

export function transactionText(id: number): string {
  return `0x${id.toString(16).padStart(6, '0')}`
}

function codeOf({ isInUse }: Answer, reason: string | undefined): Pick<Dhcpv6Context, 'code' | 'reason'> {
  if (isInUse) return { code: 'dhcpv6.address-declined' }
  return reason === undefined ? {} : { code: 'dhcpv6.no-boot-file', reason }
}

type Found = { readonly reservation: Reservation6Plan; readonly mac: Mac | undefined }

/**
 * The MAC address of the interface comes first, then a declared DUID, and the MAC address in a DUID last: machines that were
 * cloned have the DUID of their template, and must not get its address.
 */
function findReservation(request: Dhcpv6Request, plan: Dhcpv6Plan): Found | undefined {
  const { interfaceMacs, duid, duidMac } = request
  return (
    findByMac(interfaceMacs, plan) ??
    findByDuid(duid, macsOf(request)[0], plan) ??
    findByMac(duidMac === undefined ? [] : [duidMac], plan)
  )
}

function findByMac(macs: readonly Mac[], { reservationByMac }: Dhcpv6Plan): Found | undefined {
  for (const mac of macs) {
    const reservation = reservationByMac.get(mac)
    if (reservation !== undefined) return { reservation, mac }
  }
  return undefined
}

function findByDuid(
  duid: Duid | undefined,
  mac: Mac | undefined,
  { reservationByDuid }: Dhcpv6Plan,
): Found | undefined {
  const reservation = duid && reservationByDuid.get(duid)
  return reservation && { reservation, mac }
}

/** Returns the MAC addresses that a message shows, each once. */
function macsOf({ interfaceMacs, duidMac }: Dhcpv6Request): Mac[] {
  return [...new Set(duidMac === undefined ? interfaceMacs : [...interfaceMacs, duidMac])]
}

/**
 * Returns the declared networks of the client's link, or why its message is ignored: clients send from their link-local
 * address, so a reply never leaves the link, and relay agents are those of the site.
 */
function linkNetworks(
  { relays, link, sender }: Dhcpv6Request,
  { subnets }: Dhcpv6Plan,
  networksOn: NetworksOn,
): { readonly networks: readonly Cidr6[] } | Refusal {
  const isLocal = isLinkLocal(sender.octets)
  if (relays.length === 0 && !isLocal) {
    return { code: 'dhcpv6.not-multicast', reason: `${sender.address} is not a link-local address` }
  }
  const all = subnets.map(({ network }) => network)
  const networks =
    link === undefined
      ? sender.interface === undefined
        ? []
        : networksOn(sender.interface)
      : networksOf(all, link)
  const place = link ?? sender.interface ?? sender.address
  if (networks.length === 0) {
    return { code: 'dhcpv6.undeclared-link', reason: `the site declares no network on the link of ${place}` }
  }
  if (relays.length === 0) return { networks }
  const allowed = subnets
    .filter(({ network }) => networks.includes(network))
    .flatMap((subnet) => subnet.relays)
  const isAllowed =
    allowed.length > 0
      ? allowed.includes(sender.address)
      : networksOf(all, sender.address).length > 0 ||
        (isLocal && isDeclaredLink(sender.interface, networksOn))
  return isAllowed
    ? { networks }
    : {
        code: 'dhcpv6.unknown-relay',
        reason: `${sender.address} is not a relay agent of the link of ${place}`,
      }
}

function isDeclaredLink(name: string | undefined, networksOn: NetworksOn): boolean {
  return name !== undefined && networksOn(name).length > 0
}

/** Returns what the message shows about a node: which client sent it, and whether a boot starts. A simulation shows nothing. */
function observationOf(
  request: Dhcpv6Request,
  { name, boot: nodeBoot }: Reservation6Plan,
  { kind }: Decision,
  port: number,
  plan: Dhcpv6Plan,
  reason: string | undefined,
): Seen | undefined {
  const { message, boot, vendorClass, isSimulated } = request
  const asker = askerOf(boot)
  // A system that has its address requests parameters only: that does not show that it starts.
  if (asker === 'system' && (kind === 'informed' || isFirmwareStack(request))) return undefined
  if (nodeBoot === undefined || isSimulated) return undefined
  const [architecture] = boot.architectures
  return {
    node: name,
    kind: 'dhcp',
    asker,
    message: kind === 'advertised' ? 'discover' : 'request',
    isFresh: message.type !== MessageType.renew && message.type !== MessageType.rebind,
    ...(architecture !== undefined && { architecture }),
    vendorClass,
    // Clients and relay agents send from privileged ports; a process without privileges cannot.
    ...(port !== plan.clientPort && port !== plan.serverPort && { isUnprivileged: true as const }),
    answer: reason !== undefined ? 'nothing-to-boot' : kind === 'advertised' ? 'offered' : 'acknowledged',
  }
}

/**
 * Returns whether a message without boot options comes from the IPv6 stack of UEFI firmware, which requests an address
 * when a router advertisement has the M flag (EDK2: only option 23, and a DUID-UUID). It is not an operating system.
 */
function isFirmwareStack({ requested, clientId = new Uint8Array(0) }: Dhcpv6Request): boolean {
  const [only, ...others] = requested
  return only === OptionCode.dnsServers && others.length === 0 && clientId[1] === DuidType.uuid
}
