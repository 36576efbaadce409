/**
 * The cacheable part of a resolver's answer: the octets that every client with the same question may get, and their
 * lifetime (RFC 2181 §8, RFC 2308 §5, RFC 8767 §4).
 */
import { MalformedPacket } from '../../proto/bytes.ts'
import { RecordType, ResponseCode } from '../../proto/dns/registry.ts'
import { walkMessage, type Layout, type RecordPlace } from '../../proto/dns/walk.ts'
import { readU16, writeU16 } from './reply.ts'

export type Found = {
  /** Header, question, and records; without the OPT record, which is hop by hop (RFC 6891 §6.1.1). */
  readonly octets: Uint8Array
  readonly rcode: number
  /** Offsets of the TTLs, each of which is at most the maximum. */
  readonly ttlAt: readonly number[]
  /** The minimum of the TTLs; 0 for an answer that only the waiting clients get. */
  readonly lifeSeconds: number
}

/** RFC 8767 §4 allows a week; after a day, clients see that a server has moved. */
const maxSeconds = 86_400

/** RFC 2308 §5: "values of one to three hours have been found to work well". */
const maxNegativeSeconds = 10_800

/** Octets of TTL and RDLENGTH, which precede the RDATA. */
const ttlBeforeRdata = 6

/**
 * @param message an answer that is not truncated
 * @throws {MalformedPacket} when it is not a whole message
 */
export function readFound(message: Uint8Array): Found {
  const layout = walkMessage(message)
  if (layout.questions !== 1) throw new MalformedPacket(`${layout.questions} questions, expected 1`, 4)
  const octets = withoutOpt(message, layout)
  const rcode = readU16(octets, 2) & 15
  const isNegative = !isAnswered(octets, layout, rcode)
  const kept = [...layout.answers, ...layout.authority, ...layout.additional].filter(
    ({ end }) => end <= octets.length,
  )
  const soa = isNegative ? layout.authority.find(({ type }) => type === RecordType.SOA) : undefined
  const ttls = kept.map((place) => {
    const at = place.start - ttlBeforeRdata
    const max = place === soa ? Math.min(maxNegativeSeconds, readU32(octets, place.end - 4)) : maxSeconds
    const ttl = Math.min(readU32(octets, at), max)
    writeU32(octets, at, ttl)
    return { at, ttl }
  })
  // A negative answer without SOA has no lifetime (RFC 2308 §5), and a referral is not an answer.
  const canBeKept = !isNegative || soa !== undefined
  return {
    octets,
    rcode,
    ttlAt: ttls.map(({ at }) => at),
    lifeSeconds: canBeKept ? Math.min(...ttls.map(({ ttl }) => ttl)) : 0,
  }
}

/** Whether the answer has a record of the queried type, perhaps after CNAME records (RFC 2308 §2.2). */
function isAnswered(octets: Uint8Array, { questionEnd, answers }: Layout, rcode: number): boolean {
  if (rcode !== ResponseCode.noError) return false
  const qtype = readU16(octets, questionEnd - 4)
  return answers.some(({ type }) => type === qtype || qtype === RecordType.ANY)
}

/**
 * Returns a copy that ends before the OPT record. OPT is nearly always the last record; records after it belong to
 * the additional section, which an answer does not need (RFC 2181 §9).
 */
function withoutOpt(
  message: Uint8Array,
  { additional, authority, answers, questionEnd }: Layout,
): Uint8Array {
  const index = additional.findIndex(({ type }) => type === RecordType.OPT)
  const kept = index === -1 ? additional : additional.slice(0, index)
  const before: Pick<RecordPlace, 'end'> = [...answers, ...authority, ...kept].at(-1) ?? { end: questionEnd }
  const octets = new Uint8Array(message.subarray(0, before.end)) // a Buffer's slice would be a view
  writeU16(octets, 10, kept.length)
  return octets
}

export function readU32(octets: Uint8Array, at: number): number {
  return readU16(octets, at) * 0x10000 + readU16(octets, at + 2)
}

export function writeU32(octets: Uint8Array, at: number, value: number): void {
  writeU16(octets, at, value >>> 16)
  writeU16(octets, at + 2, value & 0xffff)
}
