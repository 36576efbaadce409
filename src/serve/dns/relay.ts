/**
 * What passes between a client and the resolvers that its question is put to, as octets (RFC 5452 §3 and §9):
 * a question of our own in the client's words, and the answer made the client's again.
 */
import { lowerOctet } from '../../proto/dns/name.ts'
import {
  ednsUdpOctets,
  ExtendedError,
  HeaderFlag,
  headerOctets,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import type { ForwardRequest } from './answer.ts'
import { readU32, writeU32, type Found } from './cacheable.ts'
import { extendedError, optOctets, readU16, writeError, writeHeader, writeOpt, writeU16 } from './reply.ts'

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

/** RFC 8767 §4: "a TTL of 30 seconds" for each record of an answer whose time is over. */
const staleTtlSeconds = 30

const staleAnswer = extendedError(ExtendedError.staleAnswer, 'no resolver answers')
const staleNoName = extendedError(ExtendedError.staleNxDomainAnswer, 'no resolver answers')

/** The query that is sent to a resolver: an id of our own, the client's spelling, no more than it said. */
export function resolverQuery(request: ForwardRequest, id: number, hasEdns = true): Uint8Array {
  const query = new Uint8Array(request.end + (hasEdns ? optOctets : 0))
  query.set(request.query)
  writeU16(query, 0, id)
  writeU16(query, 2, readU16(request.query, 2) & queryFlags)
  writeU16(query, 6, 0)
  writeU16(query, 8, 0)
  writeU16(query, 10, hasEdns ? 1 : 0)
  // A record of our own: EDNS is between neighbours (RFC 6891 §6.2.6), so options such as cookies stay behind,
  // and a client without it shares what is found with those that have it.
  if (hasEdns) writeOpt(query, request.end, ednsUdpOctets, request.isDnssecOk, 0)
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
 * What was found as this client gets it: its id, its spelling of the name, no claim of authority or of validated
 * data, which we cannot vouch for (RFC 6840 §5.8), TTLs that have counted down; cut where it does not fit.
 *
 * @param ageSeconds since it came from the resolver; `stale` when its time is over
 */
export function clientReply(
  request: ForwardRequest,
  { octets, rcode, ttlAt }: Found,
  ageSeconds: number | 'stale',
): Uint8Array {
  const isStale = ageSeconds === 'stale'
  const option = !isStale ? undefined : rcode === ResponseCode.nxDomain ? staleNoName : staleAnswer
  const optLength = request.hasEdns
    ? optOctets + (option?.length ?? 0) + (request.clientOptions?.length ?? 0)
    : 0
  const flags = HeaderFlag.recursionAvailable
  if (octets.length + optLength > request.limitOctets) {
    return emptyReply(request, rcode, flags | HeaderFlag.truncated, option)
  }
  const reply = new Uint8Array(octets.length + optLength)
  reply.set(octets)
  writeHeader(request.query, reply, HeaderFlag.response | flags | rcode)
  reply.set(request.query.subarray(headerOctets), headerOctets)
  for (const at of ttlAt) {
    writeU32(reply, at, isStale ? staleTtlSeconds : Math.max(0, readU32(octets, at) - ageSeconds))
  }
  if (request.hasEdns) {
    writeU16(reply, 10, readU16(octets, 10) + 1)
    writeOpt(reply, octets.length, ednsUdpOctets, request.isDnssecOk, 0, option, request.clientOptions)
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
  const out = new Uint8Array(
    request.end + optOctets + (option?.length ?? 0) + (request.clientOptions?.length ?? 0),
  )
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
