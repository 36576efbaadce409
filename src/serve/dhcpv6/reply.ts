/** Writes replies to clients, in the messages for the relay agents that the message passed (RFC 8415 §18.3 and §19.3). Pure. */
import { Writer } from '../../proto/bytes.ts'
import { MessageType, putHeader, putRelayHeader, type RelayMessage } from '../../proto/dhcpv6/message.ts'
import {
  firstValue,
  OptionCode,
  putAssociation,
  putOption,
  putStatus,
  type RenewalTimes,
} from '../../proto/dhcpv6/option.ts'
import type { BootFile } from '../../plan/dhcp/plan.ts'
import type { Dhcpv6Plan, Reservation6Plan } from '../../plan/dhcpv6/plan.ts'
import type { Answer } from './decide.ts'
import { maxMessageOctets, type Dhcpv6Request } from './request.ts'

/** A reply repeats the client identifier, at most 16 associations, and what relay agents added. */
export const maxReplyOctets = 2 * maxMessageOctets + 1024

/** RFC 8415 §18.2.9: with the highest preference, the client does not wait for other servers. */
const highestPreference = Uint8Array.of(255)
const empty = new Uint8Array(0)

/**
 * Writes a reply into `out`, which has {@link maxReplyOctets}.
 *
 * @param file the boot file of the client
 * @returns the number of octets
 */
export function writeReply(
  decision: Answer,
  request: Dhcpv6Request,
  reservation: Reservation6Plan,
  { serverDuid }: Pick<Dhcpv6Plan, 'serverDuid'>,
  file: BootFile | undefined,
  out: Uint8Array,
): number {
  const writer = new Writer(out)
  const lengthsAt = request.relays.map((relay) => putRelayReply(writer, relay))
  const { message, clientId } = request
  const isAdvertise = decision.kind === 'advertised'
  putHeader(writer, isAdvertise ? MessageType.advertise : MessageType.reply, message.transactionId)
  if (clientId !== undefined) putOption(writer, OptionCode.clientId, clientId)
  putOption(writer, OptionCode.serverId, serverDuid)
  if (isAdvertise) putOption(writer, OptionCode.preference, highestPreference)
  if (decision.isRapid === true) putOption(writer, OptionCode.rapidCommit, empty)
  for (const each of decision.associations) putAnswered(writer, each, reservation)
  if (decision.status !== undefined) putStatus(writer, decision.status.code, decision.status.message)
  if (decision.assigns || decision.kind === 'informed') putSettings(writer, request, reservation, file)
  for (const at of lengthsAt) new Writer(out, at).u16(writer.offset - at - 2)
  return writer.offset
}

function putAnswered(
  writer: Writer,
  { code, iaid, ...contents }: Answer['associations'][number],
  { leaseSeconds }: Reservation6Plan,
): void {
  if (code === OptionCode.iaTa) {
    const status = new Writer(new Uint8Array(128))
    if (contents.status !== undefined) putStatus(status, contents.status.code, contents.status.message)
    putOption(writer, code, Uint8Array.of(...iaid, ...status.octets.subarray(0, status.offset)))
    return
  }
  const isAssigned = contents.addresses.some(({ valid }) => valid > 0)
  putAssociation(writer, code, iaid, isAssigned ? renewalTimes(leaseSeconds) : noTimes, contents)
}

const noTimes: RenewalTimes = { t1: 0, t2: 0 }

/** RFC 8415 §21.4: recommended are one half and four fifths of the preferred lifetime. */
function renewalTimes(leaseSeconds: number): RenewalTimes {
  return { t1: Math.floor(leaseSeconds / 2), t2: Math.floor((leaseSeconds * 4) / 5) }
}

/** Writes the options that the client requests, and the boot file even if it does not (RFC 5970 §4). */
function putSettings(
  writer: Writer,
  { requested }: Dhcpv6Request,
  { options }: Reservation6Plan,
  file: BootFile | undefined,
): void {
  for (const code of new Set(requested)) {
    const value = options.get(code)
    if (value !== undefined) putOption(writer, code, value)
  }
  for (const { code, value } of file?.options ?? []) putOption(writer, code, value)
}

/**
 * Starts the RELAY-REPL for a relay agent, with the Interface-ID that it sent (RFC 8415 §19.3). What follows is the message
 * for the next relay agent, or the reply.
 *
 * @returns where the length of what follows belongs
 */
function putRelayReply(
  writer: Writer,
  { hopCount, linkAddress, peerAddress, options }: RelayMessage,
): number {
  putRelayHeader(writer, { type: MessageType.relayReply, hopCount, linkAddress, peerAddress })
  const id = firstValue(options, OptionCode.interfaceId)
  if (id !== undefined) putOption(writer, OptionCode.interfaceId, id)
  writer.u16(OptionCode.relayMessage)
  const at = writer.offset
  writer.u16(0)
  return at
}
