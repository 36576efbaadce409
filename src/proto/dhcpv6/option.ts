/**
 * The options of DHCPv6 (RFC 8415 §21): a code and a length of two octets each, then the value. Identity associations
 * contain options themselves. Pure.
 */
import { ipv6Octets, type Ipv6 } from '../address/ip.ts'
import { MalformedPacket, Reader, type Writer } from '../bytes.ts'

/** RFC 8415 §21; boot options RFC 5970 §3, names RFC 3646 and RFC 4704, link-layer address RFC 6939 §4. */
export const OptionCode = {
  clientId: 1,
  serverId: 2,
  iaNa: 3,
  iaTa: 4,
  iaAddress: 5,
  optionRequest: 6,
  preference: 7,
  elapsedTime: 8,
  relayMessage: 9,
  serverUnicast: 12,
  statusCode: 13,
  rapidCommit: 14,
  userClass: 15,
  vendorClass: 16,
  interfaceId: 18,
  dnsServers: 23,
  domainList: 24,
  iaPd: 25,
  informationRefreshTime: 32,
  clientFqdn: 39,
  bootFileUrl: 59,
  bootFileParameters: 60,
  clientArchitecture: 61,
  networkInterface: 62,
  clientLinkLayerAddress: 79,
} as const

/** RFC 8415 §21.13. */
export const StatusCode = {
  success: 0,
  unspecified: 1,
  noAddressesAvailable: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
  noPrefixAvailable: 6,
} as const

export type Dhcpv6Option = { readonly code: number; readonly value: Uint8Array }

/** A message with more options is malformed: clients send about ten. */
const maxOptions = 128

/** @throws {MalformedPacket} when an option is longer than the rest of the packet */
export function readOptions(reader: Reader): Dhcpv6Option[] {
  const options: Dhcpv6Option[] = []
  while (reader.remaining > 0) {
    if (options.length === maxOptions) {
      throw new MalformedPacket(`more than ${maxOptions} options`, reader.offset)
    }
    const code = reader.u16()
    options.push({ code, value: reader.take(reader.u16()) })
  }
  return options
}

export function putOption(writer: Writer, code: number, value: Uint8Array): void {
  writer.u16(code)
  writer.u16(value.length)
  writer.put(value)
}

/** Returns the value of the first option with a code; RFC 8415 §21: most options occur once. */
export function firstValue(options: readonly Dhcpv6Option[], code: number): Uint8Array | undefined {
  return options.find((option) => option.code === code)?.value
}

/** An identity association for non-temporary addresses (RFC 8415 §21.4), or one for prefixes (§21.21). */
export type Association = {
  /** Four octets. */
  readonly iaid: Uint8Array
  /** The addresses that the client lists, sixteen octets each; empty for prefixes. */
  readonly addresses: readonly Uint8Array[]
}

/** @throws {MalformedPacket} when a field or an option inside is cut off */
export function decodeAssociation(value: Uint8Array): Association {
  const reader = new Reader(value)
  const iaid = reader.take(4)
  reader.take(8)
  const addresses = readOptions(reader)
    .filter(({ code }) => code === OptionCode.iaAddress)
    .map(({ value }) => new Reader(value).take(16))
  return { iaid, addresses }
}

/** The lifetimes of an address, in seconds (RFC 8415 §21.6). */
export type Lifetimes = { readonly preferred: number; readonly valid: number }
/** The times at which a client renews and rebinds, in seconds (RFC 8415 §21.4). */
export type RenewalTimes = { readonly t1: number; readonly t2: number }

/** The contents of an association in a reply: addresses, or a status. */
export type AssociationContents = {
  readonly addresses: readonly ({ readonly address: Uint8Array } & Lifetimes)[]
  readonly status?: { readonly code: number; readonly message: string } | undefined
}

/** Encodes an IA_NA or IA_PD. */
export function putAssociation(
  writer: Writer,
  code: number,
  iaid: Uint8Array,
  { t1, t2 }: RenewalTimes,
  { addresses, status }: AssociationContents,
): void {
  const text = status === undefined ? undefined : new TextEncoder().encode(status.message)
  writer.u16(code)
  writer.u16(12 + 28 * addresses.length + (text === undefined ? 0 : 6 + text.length))
  writer.put(iaid)
  writer.u32(t1)
  writer.u32(t2)
  for (const { address, preferred, valid } of addresses) {
    writer.u16(OptionCode.iaAddress)
    writer.u16(24)
    writer.put(address)
    writer.u32(preferred)
    writer.u32(valid)
  }
  if (status !== undefined) putStatus(writer, status.code, status.message)
}

/** RFC 8415 §21.13: a code, and a text for a person. */
export function putStatus(writer: Writer, code: number, message: string): void {
  const text = new TextEncoder().encode(message)
  writer.u16(OptionCode.statusCode)
  writer.u16(2 + text.length)
  writer.u16(code)
  writer.put(text)
}

/** Encodes addresses, for example those of option 23. */
export function encodeAddresses(addresses: readonly Ipv6[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => [...ipv6Octets(address)]))
}
