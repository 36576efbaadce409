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
  RecordType,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import { walkMessage, type Layout } from '../../proto/dns/walk.ts'
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

/** Octets of TTL and RDLENGTH of the OPT record; the TTL starts with the upper bits of the RCODE. */
const optTtlBeforeRdata = 6

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

/** Returns the RCODE with the upper 8 bits of the OPT record (RFC 6891 §6.1.3). */
export function responseCode(octets: Uint8Array, { additional }: Layout): number {
  const opt = additional.find(({ type }) => type === RecordType.OPT)
  const upper = opt === undefined ? 0 : (octets[opt.start - optTtlBeforeRdata] as number)
  return (upper << 4) | (readU16(octets, 2) & 15)
}

/**
 * Whether a server answers that does not resolve this name: without records, not authoritative, and without recursion or
 * with a referral. An authoritative server of a forward zone is not lame, and NODATA has an SOA record (RFC 2308 §2.2).
 */
export function isLame(octets: Uint8Array, { answers, authority }: Layout): boolean {
  const flags = readU16(octets, 2)
  if (answers.length > 0 || (flags & (HeaderFlag.authoritative | 15)) !== 0) return false
  const has = (wanted: number) => authority.some(({ type }) => type === wanted)
  return (flags & HeaderFlag.recursionAvailable) === 0 || (has(RecordType.NS) && !has(RecordType.SOA))
}

/**
 * Returns the cached answer for this client: its id, its spelling of the name, reduced TTLs, and neither AA nor AD,
 * because slipway did not validate the data (RFC 6840 §5.8). An answer that does not fit has the records that do, and TC.
 *
 * @param ageSeconds since the resolver sent it; `stale` when its TTL has expired
 */
export function clientReply(request: ForwardRequest, found: Found, ageSeconds: number | 'stale'): Uint8Array {
  const { rcode } = found
  const isStale = ageSeconds === 'stale'
  const option = !isStale ? undefined : rcode === ResponseCode.nxDomain ? staleNoName : staleAnswer
  const optLength = request.hasEdns
    ? optOctets + (option?.length ?? 0) + (request.clientOptions?.length ?? 0)
    : 0
  const isTruncated = found.octets.length + optLength > request.limitOctets
  const { octets, ttlAt } = isTruncated ? cutAnswers(found, request.limitOctets - optLength) : found
  const flags = HeaderFlag.recursionAvailable | (isTruncated ? HeaderFlag.truncated : 0)
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

/** Returns the whole records of the answer section that fit, so that a client without TCP gets some (RFC 2181 §9). */
function cutAnswers({ octets, ttlAt }: Found, available: number): Pick<Found, 'octets' | 'ttlAt'> {
  const { answers, questionEnd } = walkMessage(octets)
  const kept = answers.filter(({ end }) => end <= available)
  const end = kept.at(-1)?.end ?? questionEnd
  const cut = octets.slice(0, end)
  writeU16(cut, 6, kept.length)
  cut.fill(0, 8, headerOctets)
  return { octets: cut, ttlAt: ttlAt.filter((at) => at < end) }
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

/** Compares names case-insensitively (RFC 4343 §4.1), and QTYPE and QCLASS exactly. */
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
