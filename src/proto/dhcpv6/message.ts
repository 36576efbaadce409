/**
 * Encodes and decodes DHCPv6 messages: those of clients and servers, and those of relay agents (RFC 8415 §8 and §9).
 * Pure. The server, simulated clients, and tests use it.
 */
import { ipv6FromOctets, ipv6Octets, type Ipv6 } from '../address/ip.ts'
import { MalformedPacket, Reader, Writer } from '../bytes.ts'
import { putOption, readOptions, type Dhcpv6Option } from './option.ts'

/** RFC 8415 §7.3. */
export const MessageType = {
  solicit: 1,
  advertise: 2,
  request: 3,
  confirm: 4,
  renew: 5,
  rebind: 6,
  reply: 7,
  release: 8,
  decline: 9,
  reconfigure: 10,
  informationRequest: 11,
  relayForward: 12,
  relayReply: 13,
} as const

/** RFC 8415 §7.1. */
export const allAgentsAndServers = 'ff02::1:2'

/** RFC 8415 §7.2. */
export const serverPort = 547
export const clientPort = 546

/** RFC 8415 §7.6: HOP_COUNT_LIMIT. A message passes at most this many relay agents. */
export const maxHops = 8

export type ClientMessage = {
  readonly kind: 'client'
  readonly type: number
  /** 24 bits. */
  readonly transactionId: number
  /** In the order of the packet; a code can occur several times. Values are views of the packet. */
  readonly options: readonly Dhcpv6Option[]
}

export type RelayMessage = {
  readonly kind: 'relay'
  readonly type: number
  readonly hopCount: number
  /** An address on the client's link, or :: */
  readonly linkAddress: Ipv6
  /** The client, or the relay agent that is nearer to it. */
  readonly peerAddress: Ipv6
  readonly options: readonly Dhcpv6Option[]
}

/**
 * Decodes a message.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+-----------------------------------------------+
 *     | msg-type (1)  |              transaction-id (3)               |
 *     +---------------+-----------------------------------------------+
 *     |                           options                             |
 *     +---------------------------------------------------------------+
 *
 * @throws {MalformedPacket} when a field or an option is longer than the packet
 */
export function decodeMessage(packet: Uint8Array): ClientMessage | RelayMessage {
  const reader = new Reader(packet)
  const type = reader.u8()
  if (type !== MessageType.relayForward && type !== MessageType.relayReply) {
    const transactionId = (reader.u8() << 16) | reader.u16()
    return { kind: 'client', type, transactionId, options: readOptions(reader) }
  }
  const hopCount = reader.u8()
  const linkAddress = ipv6FromOctets(reader.take(16))
  const peerAddress = ipv6FromOctets(reader.take(16))
  if (hopCount > maxHops) throw new MalformedPacket(`hop count ${hopCount} is above ${maxHops}`, 1)
  return { kind: 'relay', type, hopCount, linkAddress, peerAddress, options: readOptions(reader) }
}

export const transactionOffset = 1

/** Returns the transaction of a message that is not relayed. */
export function transactionIdOf(message: Uint8Array): number {
  const reader = new Reader(message, transactionOffset)
  return (reader.u8() << 16) | reader.u16()
}

/** Writes the header of a message; the caller writes the options behind it. */
export function putHeader(writer: Writer, type: number, transactionId: number): void {
  writer.u8(type)
  writer.u8(transactionId >>> 16)
  writer.u16(transactionId & 0xffff)
}

/** Writes the header of a relay message (RFC 8415 §9). */
export function putRelayHeader(
  writer: Writer,
  { type, hopCount, linkAddress, peerAddress }: Omit<RelayMessage, 'kind' | 'options'>,
): void {
  writer.u8(type)
  writer.u8(hopCount)
  writer.put(ipv6Octets(linkAddress))
  writer.put(ipv6Octets(peerAddress))
}

/** Encodes a whole message, for clients and tests; the server writes into a buffer that it owns. */
export function encodeMessage(message: ClientMessage | RelayMessage): Uint8Array {
  const optionOctets = message.options.reduce((sum, { value }) => sum + 4 + value.length, 0)
  const writer = new Writer(new Uint8Array((message.kind === 'client' ? 4 : 34) + optionOctets))
  if (message.kind === 'client') putHeader(writer, message.type, message.transactionId)
  else putRelayHeader(writer, message)
  for (const { code, value } of message.options) putOption(writer, code, value)
  return writer.octets
}
