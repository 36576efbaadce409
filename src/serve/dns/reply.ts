/**
 * Writes replies into a buffer: header and question of the query, a prepared response, an OPT record when the query
 * has one (RFC 1035 §4.1, RFC 6891 §6.1). Allocates nothing.
 */
import type { Response } from '../../plan/dns/plan.ts'
import type { Question } from '../../proto/dns/question.ts'
import {
  dnssecOkFlag,
  ednsUdpOctets,
  EdnsOption,
  HeaderFlag,
  headerOctets,
  RecordType,
} from '../../proto/dns/registry.ts'

/** The parts of a query that its reply repeats, beside the header. */
export type Asked = Pick<Question, 'end' | 'hasEdns' | 'isDnssecOk'> & {
  /** Encoded options that this client gets with every reply. */
  readonly clientOptions?: Uint8Array | undefined
}

/** Root owner, TYPE, CLASS, TTL and RDLENGTH of an OPT record. */
export const optOctets = 11

/** A reply repeats OPCODE, RD, and CD of the query (RFC 1035 §4.1.1, RFC 4035 §3.2.2). */
const keptFlags = 0x7800 | HeaderFlag.recursionDesired | HeaderFlag.checkingDisabled

/**
 * Writes a prepared answer within `limitOctets`. Omits the additional section when it does not fit. When the answers do
 * not fit, it has those that do, and TC (RFC 2181 §9): a client without TCP can use them.
 *
 * @param flags RA when recursion is available to this client
 * @param clientOptions see {@link Asked}
 * @returns octets written
 */
export function writeResponse(
  query: Uint8Array,
  question: Question,
  response: Response,
  flags: number,
  limitOctets: number,
  out: Uint8Array,
  clientOptions?: Uint8Array,
): number {
  const { octets, nameOctets, pointers, requiredOctets } = response
  const start = question.end
  const available =
    Math.min(limitOctets, out.length) -
    start -
    (question.hasEdns ? optOctets + (clientOptions?.length ?? 0) : 0)
  const isWhole = octets.length <= available
  const isTruncated = requiredOctets > available
  const answers = isTruncated ? countUpTo(response.answerEnds, available) : response.answers
  const cutSize = answers === 0 ? 0 : (response.answerEnds[answers - 1] as number)
  const size = isWhole ? octets.length : isTruncated ? cutSize : requiredOctets

  copy(query, headerOctets, start, out)
  for (let index = 0; index < size; index++) out[start + index] = octets[index] as number
  const shift = question.nameOctets - nameOctets
  if (shift !== 0 && size > 0) for (const pointer of pointers) addU16(out, start + pointer, shift)

  const authority = response.isAuthoritative ? HeaderFlag.authoritative : 0
  const ownFlags = HeaderFlag.response | authority | (isTruncated ? HeaderFlag.truncated : 0)
  writeHeader(query, out, ownFlags | flags | response.rcode)
  writeU16(out, 4, 1)
  writeU16(out, 6, answers)
  writeU16(out, 8, isTruncated ? 0 : response.authority)
  writeU16(out, 10, (isWhole ? response.additional : 0) + (question.hasEdns ? 1 : 0))
  if (!question.hasEdns) return start + size
  return writeOpt(out, start + size, ednsUdpOctets, question.isDnssecOk, 0, undefined, clientOptions)
}

/**
 * Writes a reply without records, for refusals and errors.
 *
 * @param asked absent when the question could not be read: then the reply repeats the header only
 * @param flags RA, where it applies
 * @param option one encoded EDNS option, for clients that use EDNS
 * @returns octets written
 */
export function writeError(
  query: Uint8Array,
  asked: Asked | undefined,
  rcode: number,
  flags: number,
  out: Uint8Array,
  option?: Uint8Array,
): number {
  const end = asked?.end ?? headerOctets
  copy(query, headerOctets, end, out)
  writeHeader(query, out, HeaderFlag.response | flags | (rcode & 15))
  writeU16(out, 4, asked === undefined ? 0 : 1)
  writeU16(out, 6, 0)
  writeU16(out, 8, 0)
  writeU16(out, 10, asked?.hasEdns === true ? 1 : 0)
  if (asked?.hasEdns !== true) return end
  return writeOpt(out, end, ednsUdpOctets, asked.isDnssecOk, rcode >>> 4, option, asked.clientOptions)
}

/** Cuts a reply to its header with TC and its question: no longer than the query. @returns its length */
export function cutReply(reply: Uint8Array): number {
  let end = headerOctets
  if (readU16(reply, 4) > 0) {
    while ((reply[end] as number) !== 0) end += 1 + (reply[end] as number)
    end += 5 // root label, QTYPE, QCLASS
  }
  writeU16(reply, 2, readU16(reply, 2) | HeaderFlag.truncated)
  reply.fill(0, 6, headerOctets)
  return end
}

/** Encodes an Extended DNS Error (RFC 8914 §2), which `dig` prints. */
export function extendedError(code: number, text: string): Uint8Array {
  return ednsOption(
    EdnsOption.extendedError,
    Uint8Array.of(code >>> 8, code, ...new TextEncoder().encode(text)),
  )
}

/** Encodes one option of an OPT record (RFC 6891 §6.1.2). */
export function ednsOption(code: number, data: Uint8Array): Uint8Array {
  const option = new Uint8Array(4 + data.length)
  writeU16(option, 0, code)
  writeU16(option, 2, data.length)
  option.set(data, 4)
  return option
}

/** Writes an OPT record of version 0 with the DO bit of the query (RFC 6891 §6.1.3, RFC 3225 §3). */
export function writeOpt(
  out: Uint8Array,
  at: number,
  udpOctets: number,
  isDnssecOk: boolean,
  extendedRcode: number,
  option?: Uint8Array,
  clientOptions?: Uint8Array,
): number {
  out[at] = 0
  writeU16(out, at + 1, RecordType.OPT)
  writeU16(out, at + 3, udpOctets)
  out[at + 5] = extendedRcode
  out[at + 6] = 0
  writeU16(out, at + 7, isDnssecOk ? dnssecOkFlag : 0)
  let end = at + optOctets
  if (option !== undefined) {
    out.set(option, end)
    end += option.length
  }
  if (clientOptions !== undefined) {
    out.set(clientOptions, end)
    end += clientOptions.length
  }
  writeU16(out, at + 9, end - at - optOctets)
  return end
}

/** Counts the ascending numbers that are at most `limit`. */
function countUpTo(ascending: readonly number[], limit: number): number {
  const above = ascending.findIndex((number) => number > limit)
  return above === -1 ? ascending.length : above
}

export function readU16(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 8) | (octets[at + 1] as number)
}

export function readU32(octets: Uint8Array, at: number): number {
  return readU16(octets, at) * 0x10000 + readU16(octets, at + 2)
}

export function writeU16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8
  out[at + 1] = value
}

export function writeU32(out: Uint8Array, at: number, value: number): void {
  writeU16(out, at, value >>> 16)
  writeU16(out, at + 2, value & 0xffff)
}

/** Writes the id of the query, its repeated flags, and the flags of the reply. */
export function writeHeader(query: Uint8Array, out: Uint8Array, flags: number): void {
  out[0] = query[0] as number
  out[1] = query[1] as number
  writeU16(out, 2, (readU16(query, 2) & keptFlags) | flags)
}

/** For the 40 octets of a question, a loop is faster than a view and `set`. */
function copy(from: Uint8Array, start: number, end: number, out: Uint8Array): void {
  for (let at = start; at < end; at++) out[at] = from[at] as number
}

function addU16(out: Uint8Array, at: number, by: number): void {
  writeU16(out, at, readU16(out, at) + by)
}
