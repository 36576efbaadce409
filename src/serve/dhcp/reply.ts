/**
 * Writes a reply (RFC 2131 §4.3.1, table 3) from prepared values, and finds its destination (§4.1). Options are
 * written while they fit: into the options field, then into `file` and `sname` if these are free (option 52, RFC 2132
 * §9.3).
 */
import { formatIpv4, ipv4Octets, type Ipv4 } from '../../proto/address/ip.ts'
import { Writer } from '../../proto/bytes.ts'
import {
  broadcastFlag,
  putEnd,
  putHeader,
  type DhcpMessage,
  fileField,
  snameField,
} from '../../proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../../proto/dhcp/option-table.ts'
import { putOption, optionOctets } from '../../proto/dhcp/option.ts'
import { noProxyDhcp } from '../../proto/dhcp/values/sub-options.ts'
import { encodeText } from '../../proto/dhcp/values/text.ts'
import type { BootFile, DhcpPlan, PreparedOption, Reservation } from '../../plan/dhcp/plan.ts'
import type { Decision } from './decide.ts'
import type { DhcpRequest } from './request.ts'

/** The maximum size of a reply: 1500 MTU - 20 IPv4 - 8 UDP. */
export const maxReplyOctets = 1472

/** RFC 2131 §2: every client accepts datagrams of 576 octets. */
const minDatagramOctets = 576
const maxDatagramOctets = 1500
const ipv4AndUdpOctets = 28

const noAddress = 0 as Ipv4
const ipxeOption: PreparedOption = { code: OptionCode.ipxe, value: noProxyDhcp }

/** The decisions that lead to a reply. */
export type DhcpReply = Extract<Decision, { kind: 'offer' | 'ack' | 'inform' | 'nak' }>

export type Destination = { readonly address: string; readonly port: number }

/**
 * Writes a reply into `out`, which has {@link maxReplyOctets}.
 *
 * @returns how many octets it has
 */
export function writeReply(
  answer: DhcpReply,
  request: DhcpRequest,
  reservation: Reservation,
  plan: DhcpPlan,
  bootFile: BootFile | undefined,
  out: Uint8Array,
): number {
  const { message } = request
  const isNak = answer.kind === 'nak'
  const isLease = answer.kind === 'offer' || answer.kind === 'ack'
  const file = isNak ? undefined : bootFile
  const fields = {
    type: messageTypes[answer.kind],
    server: request.relay.serverIdentifier ?? plan.server,
    // RFC 2131 §4.3.2: a relay agent must broadcast a NAK, because its client can be without a valid address.
    flags: isNak && message.giaddr !== 0 ? message.flags | broadcastFlag : message.flags,
    ciaddr: answer.kind === 'ack' || answer.kind === 'inform' ? message.ciaddr : noAddress,
    yiaddr: isLease ? reservation.address : noAddress,
    siaddr: file === undefined ? noAddress : plan.server,
    file: file?.file ?? '',
    leaseTime: isLease ? reservation.leaseTime : undefined,
    mtu: reservation.mtu,
    passesRelay: answer.kind !== 'inform' || message.giaddr === 0,
  }
  return writeMessage(fields, request, out, (options) => {
    if (isNak) options.put(OptionCode.message, encodeText(answer.reason))
    else {
      if (readsOverload(request)) options.overload()
      putParameters(options, request, reservation, file, answer.kind === 'inform')
    }
  })
}

type Fields = Pick<DhcpMessage, 'flags' | 'ciaddr' | 'yiaddr' | 'siaddr' | 'file'> & {
  /** Value of option 53. */
  readonly type: Uint8Array
  /** Option 54. */
  readonly server: Ipv4
  readonly leaseTime: PreparedOption | undefined
  /** The MTU of the client's network, if it is known. */
  readonly mtu: number | undefined
  /** False for a reply that goes to the client, and not to the relay agent whose option 82 is in the request. */
  readonly passesRelay: boolean
}

/** Writes the common part of all replies, and the options of `putOptions`. */
export function writeMessage(
  { type, server, leaseTime, mtu, passesRelay, ...header }: Fields,
  request: DhcpRequest,
  out: Uint8Array,
  putOptions: (options: OptionWriter) => void,
): number {
  const { htype, hlen, xid, giaddr, chaddr } = request.message
  const writer = new Writer(out)
  putHeader(writer, { ...header, op: 2, htype, hlen, hops: 0, xid, secs: 0, giaddr, chaddr, sname: '' })
  const options = new OptionWriter(writer, replyLimit(request.maxMessageSize, mtu) - 1) // 1: END
  // RFC 3046 §2.2: last in the reply, complete or not at all. Its space is reserved from the start.
  const relayAgentInformation = options.reserve(passesRelay ? request.relayAgentInformation : undefined)
  options.put(OptionCode.messageType, type)
  options.put(OptionCode.serverIdentifier, ipv4Octets(server))
  if (leaseTime !== undefined) options.putPrepared(leaseTime)
  // RFC 6842 §3: in every reply, unchanged.
  if (request.clientIdentifier !== undefined) {
    options.put(OptionCode.clientIdentifier, request.clientIdentifier)
  }
  // RFC 3011: a client that sent it ignores replies without it.
  if (request.subnetSelection !== undefined) {
    options.put(OptionCode.subnetSelection, ipv4Octets(request.subnetSelection))
  }
  putOptions(options)
  options.end()
  if (relayAgentInformation !== undefined) {
    putOption(writer, OptionCode.relayAgentInformation, relayAgentInformation)
  }
  return putEnd(writer)
}

/**
 * Returns whether a client can read options in `file` and `sname`. Boot firmware and iPXE cannot: their `file` has the
 * name of the boot file, and ROMs read names there even with option 52.
 */
function readsOverload({ client }: DhcpRequest): boolean {
  return client.protocol === undefined && client.architectures.length === 0 && !client.isIpxe
}

/**
 * Returns the destination of a reply (RFC 2131 §4.1). Deviation: a client without an address that did not set the
 * broadcast flag should get a unicast frame, but Node cannot add an ARP entry for it. Every client in
 * test/fixtures/dhcp accepts the broadcast (capture variant-bios-broadcast-replies).
 */
export function destination(answer: DhcpReply, request: DhcpRequest, plan: DhcpPlan): Destination {
  const { ciaddr, giaddr } = request.message
  // RFC 2131 §4.3.5: directly to the client, with or without a relay agent.
  if (answer.kind === 'inform') return { address: formatIpv4(ciaddr), port: plan.clientPort }
  if (giaddr !== 0) {
    const port = request.relay.usesSourcePort ? request.sourcePort : plan.serverPort
    return { address: formatIpv4(giaddr), port }
  }
  const isUnicast = answer.kind !== 'nak' && ciaddr !== 0
  return { address: isUnicast ? formatIpv4(ciaddr) : '255.255.255.255', port: plan.clientPort }
}

const messageTypes: Readonly<Record<DhcpReply['kind'], Uint8Array>> = {
  offer: Uint8Array.of(MessageType.offer),
  ack: Uint8Array.of(MessageType.ack),
  inform: Uint8Array.of(MessageType.ack),
  nak: Uint8Array.of(MessageType.nak),
}

/**
 * Echoes option 97. RFC 4578 §2.3 requires it in all packets of PXE clients and servers, but some ROMs do not send it.
 * Deviates from RFC 4578 §2.1: the architecture (93) and the interface (94) are not echoed.
 */
export function putMachineIdentifier(
  options: OptionWriter,
  { client, machineIdentifier }: DhcpRequest,
): void {
  if (client.protocol === undefined || machineIdentifier === undefined) return
  options.put(OptionCode.clientMachineIdentifier, machineIdentifier)
}

/** Writes the parameters beside the lease: the mask, then the boot options, then the others in the client's order. */
function putParameters(
  options: OptionWriter,
  request: DhcpRequest,
  reservation: Reservation,
  file: BootFile | undefined,
  isInform: boolean,
): void {
  const { parameterList: list } = request
  const { options: prepared } = reservation

  // RFC 2132 §3.3: the mask precedes the router. A client cannot use its address without it, so it need not request it.
  const mask = prepared.get(OptionCode.subnetMask)
  if (mask !== undefined) options.putPrepared(mask)
  for (const option of file?.options ?? []) options.putPrepared(option)
  if (request.client.isIpxe) options.putPrepared(ipxeOption)
  putMachineIdentifier(options, request)

  const put = (option: PreparedOption): void => {
    if (option.code === OptionCode.subnetMask) return
    // RFC 2131 §4.3.5: the reply to INFORM has no times, because there is no lease.
    if (isInform && (option.code === OptionCode.renewalTime || option.code === OptionCode.rebindingTime)) {
      return
    }
    options.putPrepared(option)
  }
  if (list === undefined) {
    for (const option of prepared.values()) put(option)
    return
  }
  // RFC 2132 §9.8: in the requested order, which is also the order of preference: the last ones can be left out.
  for (let index = 0; index < list.length; index++) {
    const option = prepared.get(list[index] as number)
    if (option !== undefined && list.indexOf(option.code) === index) put(option) // once, even if requested twice
  }
  for (const code of reservation.unrequested) {
    const option = prepared.get(code)
    if (option !== undefined && !list.includes(code)) put(option)
  }
}

/**
 * Returns the maximum length of a reply. We read RFC 2132 §9.10 so that option 57 counts the whole datagram, as
 * RFC 2131 §2 does for the minimum of 576. Larger values are limited to an Ethernet frame, and to the MTU of the client's
 * network: OVMF's REQUEST has 65280 (capture boot-uefi-pxe-ovmf-virtio).
 */
function replyLimit(maxMessageSize = minDatagramOctets, mtu = maxDatagramOctets): number {
  const datagram = Math.max(Math.min(maxMessageSize, mtu, maxDatagramOctets), minDatagramOctets)
  return datagram - ipv4AndUdpOctets
}

type Field = {
  readonly writer: Writer
  readonly start: number
  /** Where its options must end, without END. */
  limit: number
  /** The bit of option 52 for this field. */
  readonly overload: 0 | 1 | 2
}

/** Code, length, and value of option 52. */
const overloadOctets = 3

const noCuts: readonly number[] = []

class OptionWriter {
  readonly #main: Field
  /** In the order in which clients decode them. */
  readonly #fields: Field[]

  /** @param limit the maximum length of the message, without END */
  constructor(writer: Writer, limit: number) {
    this.#main = { writer, start: writer.offset, limit, overload: 0 }
    this.#fields = [this.#main]
  }

  /** Reserves space for an option that is written last. @returns the value, or `undefined` when it does not fit */
  reserve(value: Uint8Array | undefined): Uint8Array | undefined {
    if (value === undefined || !fits(this.#main, value.length)) return undefined
    this.#main.limit -= optionOctets(value.length)
    return value
  }

  /** Allows options in `file` and `sname` when the options field is full; both fields must be zero. */
  overload(): void {
    const { octets } = this.#main.writer
    if (!fits(this.#main, overloadOctets - 2)) return
    this.#main.limit -= overloadOctets
    this.#fields.push(free(octets, fileField, 1), free(octets, snameField, 2))
  }

  /** Writes an option into the options field only, for options that clients must read first. */
  put(code: number, value: Uint8Array): void {
    if (fits(this.#main, value.length)) putOption(this.#main.writer, code, value)
  }

  putPrepared({ code, value, cuts = noCuts }: PreparedOption): void {
    // Almost every option fits here.
    if (fits(this.#main, value.length)) {
      putOption(this.#main.writer, code, value)
      return
    }
    const whole = this.#fields.find((field) => fits(field, value.length))
    if (whole !== undefined) {
      putOption(whole.writer, code, value)
      return
    }
    const octets = cuts.findLast((cut) => this.#fields.some((field) => fits(field, cut)))
    if (octets === undefined) return
    const field = this.#fields.find((candidate) => fits(candidate, octets)) as Field
    putOption(field.writer, code, value, octets)
  }

  /** Ends the fields that hold options and writes option 52; reserved options can follow. */
  end(): void {
    let overload = 0
    for (const field of this.#fields) {
      if (field === this.#main || field.writer.offset === field.start) continue
      field.writer.u8(255)
      overload |= field.overload
    }
    if (overload !== 0) putOption(this.#main.writer, OptionCode.overload, Uint8Array.of(overload))
  }
}

function fits({ writer, limit }: Field, valueOctets: number): boolean {
  return writer.offset + optionOctets(valueOctets) <= limit
}

function free(octets: Uint8Array, { start, end }: typeof fileField, overload: 1 | 2): Field {
  return { writer: new Writer(octets, start), start, limit: end - 1, overload }
}
