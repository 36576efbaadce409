/**
 * Reads a DHCPv6 message as the server needs it: the relay agents that it passed, the link and the identity of the
 * client, and what it requests (RFC 8415 §18.3, RFC 5970, RFC 6939). Pure.
 */
import { ipv6Octets, parseIpv6, type Ipv6 } from '../../proto/address/ip.ts'
import type { Mac } from '../../proto/address/mac.ts'
import { isLinkLocal, isUnicast6, macFromEui64 } from '../../proto/address/network6.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { formatDuid, isDuidLength, macOfDuid, type Duid } from '../../proto/dhcpv6/duid.ts'
import {
  decodeMessage,
  maxHops,
  MessageType,
  type ClientMessage,
  type RelayMessage,
} from '../../proto/dhcpv6/message.ts'
import { firstValue, OptionCode } from '../../proto/dhcpv6/option.ts'
import {
  decodeClasses,
  decodeLinkLayerAddress,
  decodeNumbers,
  decodeVendorClasses,
  simulationClass,
} from '../../proto/dhcpv6/values.ts'
import { parseBootVendorClass, shownText } from '../../proto/dhcp/values/text.ts'
import { RecentMap } from '../../host/recent-map.ts'
import { takesScript, type BootClient } from '../../plan/dhcp/boot-table.ts'

/** Longer messages are malformed: clients send a few hundred octets. */
export const maxMessageOctets = 4096

export type Sender = {
  readonly address: Ipv6
  /** The interface of a link-local address; absent for others. */
  readonly interface: string | undefined
  /** The sixteen octets of the address. */
  readonly octets: Uint8Array
}

export type Dhcpv6Request = {
  readonly message: ClientMessage
  /** The relay agents, the one nearest to the server first; empty without any. */
  readonly relays: readonly RelayMessage[]
  readonly sender: Sender
  /** The address of the client on its link. */
  readonly client: Ipv6
  /** An address on the client's link that a relay agent names; absent without one. */
  readonly link: Ipv6 | undefined
  readonly clientId: Uint8Array | undefined
  readonly duid: Duid | undefined
  /** Ethernet addresses of the interface that sends: as the relay agent adds it, then that of its link-local address. */
  readonly interfaceMacs: readonly Mac[]
  /** The Ethernet address in the DUID, which clones of a machine share. */
  readonly duidMac: Mac | undefined
  readonly serverId: Uint8Array | undefined
  /** Codes that the client requests (option 6). */
  readonly requested: readonly number[]
  readonly boot: BootClient
  /** Its vendor class, printable characters only. */
  readonly vendorClass: string
  /** Whether `slipway simulate` sent it. */
  readonly isSimulated: boolean
}

/** @param address as the socket reports it: `fe80::1%ens4` */
export function readSender(address: string): Sender {
  const [text = '', zone] = address.split('%')
  const parsed = parseIpv6(text) ?? ('::' as Ipv6)
  return { address: parsed, interface: zone, octets: ipv6Octets(parsed) }
}

/** Returns a function that reads senders, and keeps recent ones: a relay agent sends the messages of many clients. */
export function createReadSender(): (address: string) => Sender {
  const known = new RecentMap<string, Sender>()
  return (address) => {
    const before = known.get(address)
    if (before !== undefined) return before
    const sender = readSender(address)
    known.set(address, sender)
    return sender
  }
}

/** @throws {MalformedPacket} when the datagram is not a DHCPv6 message of a client */
export function readRequest(payload: Uint8Array, sender: Sender): Dhcpv6Request {
  if (payload.length > maxMessageOctets) {
    throw new MalformedPacket(`message of ${payload.length} octets is longer than ${maxMessageOctets}`, 0)
  }
  const { message, relays } = unwrap(payload)
  const nearest = relays.at(-1)
  const client = nearest?.peerAddress ?? sender.address
  const clientId = firstValue(message.options, OptionCode.clientId)
  if (clientId !== undefined && !isDuidLength(clientId.length)) {
    throw new MalformedPacket(`client identifier of ${clientId.length} octets`, 0)
  }
  const added = nearest && firstValue(nearest.options, OptionCode.clientLinkLayerAddress)
  const interfaceMacs = [
    added && decodeLinkLayerAddress(added),
    linkLocalMac(nearest === undefined ? sender.octets : ipv6Octets(client)),
  ].filter((mac) => mac !== undefined)
  const userClasses = decodeClasses(firstValue(message.options, OptionCode.userClass) ?? none)
  const vendorClasses = decodeVendorClasses(firstValue(message.options, OptionCode.vendorClass) ?? none)
  return {
    message,
    relays,
    sender,
    client,
    link: linkOf(relays),
    clientId,
    duid: clientId && formatDuid(clientId),
    interfaceMacs,
    duidMac: clientId && macOfDuid(clientId),
    serverId: firstValue(message.options, OptionCode.serverId),
    requested: decodeNumbers(firstValue(message.options, OptionCode.optionRequest) ?? none),
    boot: readBoot(message, vendorClasses, userClasses),
    vendorClass: shownText(vendorClasses.join(' ')),
    isSimulated: userClasses.includes(simulationClass),
  }
}

const none = new Uint8Array(0)

type Unwrapped = { readonly message: ClientMessage; readonly relays: readonly RelayMessage[] }

/** RFC 8415 §19: each relay agent puts the message into a message of its own. */
function unwrap(payload: Uint8Array): Unwrapped {
  const relays: RelayMessage[] = []
  let packet = payload
  for (;;) {
    const message = decodeMessage(packet)
    if (message.kind === 'client') return { message, relays }
    const inner = firstValue(message.options, OptionCode.relayMessage)
    if (message.type !== MessageType.relayForward || inner === undefined) {
      throw new MalformedPacket('a relay message without a message of a client', 0)
    }
    if (relays.push(message) > maxHops) throw new MalformedPacket(`more than ${maxHops} relay agents`, 0)
    packet = inner
  }
}

/** RFC 8415 §13.1: the relay agent nearest to the client that names an address of its link decides. */
function linkOf(relays: readonly RelayMessage[]): Ipv6 | undefined {
  return relays.findLast(({ linkAddress }) => isUnicast6(ipv6Octets(linkAddress)))?.linkAddress
}

/** Firmware and iPXE derive their link-local address from their MAC address. */
function linkLocalMac(octets: Uint8Array): Mac | undefined {
  return isLinkLocal(octets) ? macFromEui64(octets) : undefined
}

function readBoot(
  { options }: ClientMessage,
  vendorClasses: readonly string[],
  userClasses: readonly string[],
): BootClient {
  const declared = decodeNumbers(firstValue(options, OptionCode.clientArchitecture) ?? none)
  const boots = vendorClasses.map(parseBootVendorClass).find((each) => each !== undefined)
  const named = boots?.architecture === undefined ? [] : [boots.architecture]
  return {
    protocol: boots?.protocol,
    architectures: declared.length > 0 ? declared : named,
    isIpxe: userClasses.includes('iPXE'),
    takesScript: takesScript(userClasses, undefined),
  }
}
