/**
 * What passes between a client and the resolvers that its question is put to, as octets (RFC 5452 §3 and §9):
 * a question of our own in the client's words, and the answer made the client's again.
 */
import { lowerOctet } from '../../proto/dns/name.ts'
import {
  ednsUdpOctets,
  HeaderFlag,
  headerOctets,
  RecordType,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import { walkMessage } from '../../proto/dns/walk.ts'
import type { ForwardRequest } from './answer.ts'
import { optOctets, readU16, writeError, writeHeader, writeOpt, writeU16 } from './reply.ts'

/** What a resolver's answer is to us. */
export type Verdict =
  /** It answers the question: with records, or with the word that there are none. */
  | 'answer'
  /** As far as it goes: the rest comes over TCP. */
  | 'truncated'
  /** This resolver cannot or will not; another may. */
  | 'failure'
  /** Not an answer to this question at all. */
  | 'other'

/** Flags of a query that mean the same to every resolver. */
const queryFlags = HeaderFlag.recursionDesired | HeaderFlag.checkingDisabled

/** The query that is sent to a resolver: an id of our own, the client's spelling, no more than it said. */
export function resolverQuery(request: ForwardRequest, id: number): Uint8Array {
  const query = new Uint8Array(request.end + (request.hasEdns ? optOctets : 0))
  query.set(request.query)
  writeU16(query, 0, id)
  writeU16(query, 2, readU16(request.query, 2) & queryFlags)
  writeU16(query, 6, 0)
  writeU16(query, 8, 0)
  writeU16(query, 10, request.hasEdns ? 1 : 0)
  // A record of our own: EDNS is between neighbours (RFC 6891 §6.2.6), so options such as cookies stay behind.
  const udpOctets = Math.min(request.limitOctets, ednsUdpOctets)
  if (request.hasEdns) writeOpt(query, request.end, udpOctets, request.isDnssecOk, 0)
  return query
}

/** Whether `octets` answer what {@link resolverQuery} asked under `id`: header, id, and the same question (RFC 5452 §9.1). */
export function judgeAnswer(request: ForwardRequest, id: number, octets: Uint8Array): Verdict {
  if (octets.length < headerOctets || readU16(octets, 0) !== id) return 'other'
  const flags = readU16(octets, 2)
  if ((flags & (HeaderFlag.response | 0x7800)) !== HeaderFlag.response) return 'other'
  const rcode = flags & 15
  const isRefusal = rcode !== ResponseCode.noError && rcode !== ResponseCode.nxDomain
  const questions = readU16(octets, 4)
  // Some servers repeat nothing of what they cannot read.
  if (questions === 0 && isRefusal) return 'failure'
  if (questions !== 1 || !hasSameQuestion(request, octets)) return 'other'
  if (isRefusal) return 'failure'
  return (flags & HeaderFlag.truncated) !== 0 ? 'truncated' : 'answer'
}

/**
 * The answer as this client gets it: its id, its spelling of the name, no claim of authority or of validated
 * data, which we cannot vouch for, our own EDNS size; cut where it does not fit.
 *
 * @throws {MalformedPacket} when the answer is not a whole message
 */
export function clientReply(request: ForwardRequest, octets: Uint8Array): Uint8Array {
  const { additional, questions } = walkMessage(octets)
  const flags = HeaderFlag.recursionAvailable | (readU16(octets, 2) & HeaderFlag.truncated)
  const rcode = readU16(octets, 2) & 15
  if (questions === 0) return emptyReply(request, rcode, flags)
  if (octets.length > request.limitOctets) return emptyReply(request, rcode, flags | HeaderFlag.truncated)
  const reply = octets.slice()
  writeHeader(request.query, reply, HeaderFlag.response | flags | rcode)
  reply.set(request.query.subarray(headerOctets), headerOctets)
  for (const { type, start } of additional) {
    if (type === RecordType.OPT) writeU16(reply, start - 8, ednsUdpOctets) // its CLASS
  }
  return reply
}

/** @param option an EDNS option that says more, for clients that speak EDNS */
export function emptyReply(
  request: ForwardRequest,
  rcode: number,
  flags: number,
  option?: Uint8Array,
): Uint8Array {
  const out = new Uint8Array(request.end + optOctets + (option?.length ?? 0))
  return out.subarray(0, writeError(request.query, request, rcode, flags, out, option))
}

/** Names may come back in another spelling (RFC 4343 §4.1), QTYPE and QCLASS may not. */
function hasSameQuestion({ query, end }: ForwardRequest, octets: Uint8Array): boolean {
  if (octets.length < end) return false
  for (let at = headerOctets; at < end - 4; at++) {
    if (lowerOctet[octets[at] as number] !== lowerOctet[query[at] as number]) return false
  }
  return (
    readU16(octets, end - 4) === readU16(query, end - 4) &&
    readU16(octets, end - 2) === readU16(query, end - 2)
  )
}
