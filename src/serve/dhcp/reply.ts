/** Writing a reply (RFC 2131 §4.3.1, table 3) from prepared values, and where it is sent (§4.1). */
import { formatIpv4, ipv4Octets, type Ipv4 } from '../../proto/address/ipv4.ts'
import { Writer } from '../../proto/bytes/writer.ts'
import { broadcastFlag, putEnd, putHeader, type DhcpMessage } from '../../proto/dhcp/message.ts'
import { MessageType, OptionCode } from '../../proto/dhcp/option-table.ts'
import { putOption } from '../../proto/dhcp/option.ts'
import { noProxyDhcp } from '../../proto/dhcp/values/sub-options.ts'
import { encodeText } from '../../proto/dhcp/values/text.ts'
import type { BootFile, DhcpPlan, PreparedOption, Reservation } from '../../plan/dhcp/plan.ts'
import type { Decision } from './decide.ts'
import { OptionWriter } from './option-writer.ts'
import type { DhcpRequest } from './request.ts'

/** Octets that any reply fits into: 1500 MTU - 20 IPv4 - 8 UDP. */
export const mostReplyOctets = 1472

/** RFC 2131 §2: datagrams of 576 octets are what every client takes. */
const leastDatagramOctets = 576
const mostDatagramOctets = 1500
const ipv4AndUdpOctets = 28

const noAddress = 0 as Ipv4
const ipxeOption: PreparedOption = { code: OptionCode.ipxe, value: noProxyDhcp }

/** The decisions that are answered. */
export type DhcpReply = Extract<Decision, { kind: 'offer' | 'ack' | 'inform' | 'nak' }>

export type Destination = { readonly address: string; readonly port: number }

/**
 * Writes a reply into `out`, which holds {@link mostReplyOctets}.
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
    // RFC 2131 §4.3.2: a relay agent must broadcast a NAK, its client may have no address that works.
    flags: isNak && message.giaddr !== 0 ? message.flags | broadcastFlag : message.flags,
    ciaddr: answer.kind === 'ack' || answer.kind === 'inform' ? message.ciaddr : noAddress,
    yiaddr: isLease ? reservation.address : noAddress,
    siaddr: file === undefined ? noAddress : plan.server,
    file: file?.file ?? '',
    leaseTime: isLease ? reservation.leaseTime : undefined,
  }
  return writeMessage(fields, request, out, (options) => {
    if (isNak) options.put(OptionCode.message, encodeText(answer.reason))
    else {
      if (takesOverload(request)) options.overload()
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
}

/** What all replies have in common, and between its options those that `putOptions` writes. */
export function writeMessage(
  { type, server, leaseTime, ...header }: Fields,
  request: DhcpRequest,
  out: Uint8Array,
  putOptions: (options: OptionWriter) => void,
): number {
  const { htype, hlen, xid, giaddr, chaddr } = request.message
  const writer = new Writer(out)
  putHeader(writer, { ...header, op: 2, htype, hlen, hops: 0, xid, secs: 0, giaddr, chaddr, sname: '' })
  const options = new OptionWriter(writer, replyLimit(request.maxMessageSize) - 1) // 1: END
  // RFC 3046 §2.2: last in the reply, whole or not at all. Its room is kept from the start.
  const relayAgentInformation = options.reserve(request.relayAgentInformation)
  options.put(OptionCode.messageType, type)
  options.put(OptionCode.serverIdentifier, ipv4Octets(server))
  if (leaseTime !== undefined) options.putPrepared(leaseTime)
  // RFC 6842 §3: in every reply, as it came.
  if (request.clientIdentifier !== undefined) {
    options.put(OptionCode.clientIdentifier, request.clientIdentifier)
  }
  putOptions(options)
  options.end()
  if (relayAgentInformation !== undefined) {
    putOption(writer, OptionCode.relayAgentInformation, relayAgentInformation)
  }
  return putEnd(writer)
}

/**
 * Whether a client is trusted to read options in `file` and `sname`. Boot firmware and iPXE are not: their
 * `file` has the boot file's name, and ROMs read names there whatever option 52 says.
 */
function takesOverload({ client }: DhcpRequest): boolean {
  return client.protocol === undefined && client.architectures.length === 0 && !client.isIpxe
}

/**
 * RFC 2131 §4.1. Deviation: a client that has no address and did not set the broadcast flag should get a
 * unicast frame, for which Node cannot fill the ARP table. Every client of test/fixtures/dhcp takes
 * the broadcast (capture variant-bios-broadcast-replies).
 */
export function destination(answer: DhcpReply, request: DhcpRequest, plan: DhcpPlan): Destination {
  const { ciaddr, giaddr } = request.message
  // RFC 2131 §4.3.5: straight to the client that has an address, relay agent or not.
  if (answer.kind === 'inform') return { address: formatIpv4(ciaddr), port: plan.clientPort }
  if (giaddr !== 0) return { address: formatIpv4(giaddr), port: plan.serverPort }
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
 * RFC 4578 §2.3: in all packets of PXE clients and servers. Some ROMs send none, so it is only sent back.
 * Deviates from RFC 4578 §2.1: the architecture (93), and the interface (94) likewise, are not.
 */
export function putMachineIdentifier(
  options: OptionWriter,
  { client, machineIdentifier }: DhcpRequest,
): void {
  if (client.protocol === undefined || machineIdentifier === undefined) return
  options.put(OptionCode.clientMachineIdentifier, machineIdentifier)
}

/** What the client is told beside its lease: the mask, then what it boots, then the rest in its order. */
function putParameters(
  options: OptionWriter,
  request: DhcpRequest,
  reservation: Reservation,
  file: BootFile | undefined,
  isInform: boolean,
): void {
  const { parameterList: list } = request
  const wants = (code: number) => list === undefined || list.includes(code)

  // RFC 2132 §3.3: the mask stands before the router.
  const mask = reservation.options.get(OptionCode.subnetMask)
  if (mask !== undefined && wants(mask.code)) options.putPrepared(mask)
  for (const option of file?.options ?? []) options.putPrepared(option)
  if (request.client.isIpxe) options.putPrepared(ipxeOption)
  putMachineIdentifier(options, request)

  const put = (option: PreparedOption): void => {
    if (option.code === OptionCode.subnetMask) return
    // RFC 2131 §4.3.5: INFORM is answered without times, there is no lease.
    if (isInform && (option.code === OptionCode.renewalTime || option.code === OptionCode.rebindingTime)) {
      return
    }
    options.putPrepared(option)
  }
  if (list === undefined) {
    for (const option of reservation.options.values()) put(option)
    return
  }
  // RFC 2132 §9.8: in the order requested. It is the order of preference too, so the tail is what may not fit.
  for (let index = 0; index < list.length; index++) {
    const option = reservation.options.get(list[index] as number)
    if (option !== undefined && list.indexOf(option.code) === index) put(option) // once, however often asked for
  }
  for (const code of reservation.unasked) {
    const option = reservation.options.get(code)
    if (option !== undefined && !list.includes(code)) put(option)
  }
}

/**
 * How long a reply may be. Reading of RFC 2132 §9.10: option 57 counts the whole datagram, as RFC 2131 §2 does
 * for the least of 576. Larger values are cut to what Ethernet carries: OVMF's REQUEST says 65280
 * (capture boot-uefi-pxe-ovmf-virtio).
 */
function replyLimit(maxMessageSize = leastDatagramOctets): number {
  const datagram = Math.min(Math.max(maxMessageSize, leastDatagramOctets), mostDatagramOctets)
  return datagram - ipv4AndUdpOctets
}
