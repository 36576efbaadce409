/**
 * The messages of forwarding (RFC 5452 §3 and §9): the query to a resolver, the check of its answer, and the reply to
 * the client. Pure.
 */
import { lowerOctet } from '../../proto/dns/name.ts'
import {
  ednsUdpOctets,
  ExtendedError,
  HeaderFlag,
  headerOctets,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import type { Found } from './cache.ts'
import type { ForwardRequest } from './query.ts'
import {
  extendedError,
  optOctets,
  readU16,
  readU32,
  writeError,
  writeHeader,
  writeOpt,
  writeU16,
  writeU32,
} from './reply.ts'

/** The kind of a message from a resolver. */
export type AnswerKind =
  /** An answer to the question, positive or negative. */
  | 'answer'
  /** TC is set: the whole answer is available over TCP. */
  | 'truncated'
  /** The resolver failed or refused; another one may answer. */
  | 'failure'
  /** Not an answer to this question. */
  | 'other'

/** Flags that are passed on to resolvers. */
const queryFlags = HeaderFlag.recursionDesired | HeaderFlag.checkingDisabled

/** RFC 8767 §4: "a TTL of 30 seconds" for each record of a stale answer. */
const staleTtlSeconds = 30

const staleAnswer = extendedError(ExtendedError.staleAnswer, 'no resolver answers')
const staleNoName = extendedError(ExtendedError.staleNxDomainAnswer, 'no resolver answers')

/** Returns the query to a resolver, with its own id and the client's spelling of the name. */
export function resolverQuery(request: ForwardRequest, id: number, hasEdns = true): Uint8Array {
  const query = new Uint8Array(request.end + (hasEdns ? optOctets : 0))
  query.set(request.query)
  writeU16(query, 0, id)
  writeU16(query, 2, readU16(request.query, 2) & queryFlags)
  writeU16(query, 6, 0)
  writeU16(query, 8, 0)
  writeU16(query, 10, hasEdns ? 1 : 0)
  // EDNS is hop by hop (RFC 6891 §6.2.6), so the query gets its own OPT record without the options of the client, and
  // clients with and without EDNS share one cached answer.
  if (hasEdns) writeOpt(query, request.end, ednsUdpOctets, request.isDnssecOk, 0)
  return query
}

/** Checks a message against the query of {@link resolverQuery}: header, id, and question (RFC 5452 §9.1). */
export function classifyAnswer(request: ForwardRequest, id: number, octets: Uint8Array): AnswerKind {
  if (octets.length < headerOctets || readU16(octets, 0) !== id) return 'other'
  const flags = readU16(octets, 2)
  if ((flags & (HeaderFlag.response | 0x7800)) !== HeaderFlag.response) return 'other'
  const rcode = flags & 15
  const isRefusal = rcode !== ResponseCode.noError && rcode !== ResponseCode.nxDomain
  const questions = readU16(octets, 4)
  // Some servers do not repeat a question that they cannot parse.
  if (questions === 0 && isRefusal) return 'failure'
  if (questions !== 1 || !hasSameQuestion(request, octets)) return 'other'
  if (isRefusal) return 'failure'
  return (flags & HeaderFlag.truncated) !== 0 ? 'truncated' : 'answer'
}

/**
 * Returns the cached answer for this client: its id, its spelling of the name, reduced TTLs, and neither AA nor AD,
 * because slipway did not validate the data (RFC 6840 §5.8). Truncates an answer that does not fit.
 *
 * @param ageSeconds since the resolver sent it; `stale` when its TTL has expired
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

/** @param option an EDNS option with the reason, for clients that use EDNS */
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

/** Compares names without case (RFC 4343 §4.1), QTYPE and QCLASS exactly. */
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
