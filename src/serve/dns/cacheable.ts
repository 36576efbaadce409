/**
 * What a resolver's answer is worth: the octets of it that every client who asks the same may have, and how
 * long they hold (RFC 2181 §8, RFC 2308 §5, RFC 8767 §4).
 */
import { MalformedPacket } from '../../proto/bytes/malformed.ts'
import { RecordType, ResponseCode } from '../../proto/dns/registry.ts'
import { walkMessage, type Layout, type RecordPlace } from '../../proto/dns/walk.ts'
import { readU16, writeU16 } from './reply.ts'

export type Found = {
  /** Header, question and records; no OPT record, which is between neighbours (RFC 6891 §6.1.1). */
  readonly octets: Uint8Array
  readonly rcode: number
  /** Offsets of the records' TTLs, none of which is longer than it may be kept. */
  readonly ttlAt: readonly number[]
  /** The least of the TTLs; 0 for what is only for those who are waiting for it. */
  readonly lifeSeconds: number
}

/** Longer than a day nothing is believed: RFC 8767 §4 allows a week, a moved registry should not take one. */
const mostSeconds = 86_400

/** RFC 2308 §5: "values of one to three hours have been found to work well". */
const mostNegativeSeconds = 10_800

/** Octets before the RDATA of a record: TTL and RDLENGTH. */
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
    const most = place === soa ? Math.min(mostNegativeSeconds, readU32(octets, place.end - 4)) : mostSeconds
    const ttl = Math.min(readU32(octets, at), most)
    writeU32(octets, at, ttl)
    return { at, ttl }
  })
  // Without a SOA nobody says how long there is nothing (RFC 2308 §5), and a referral is no answer.
  const canBeKept = !isNegative || soa !== undefined
  return {
    octets,
    rcode,
    ttlAt: ttls.map(({ at }) => at),
    lifeSeconds: canBeKept ? Math.min(...ttls.map(({ ttl }) => ttl)) : 0,
  }
}

/** Whether there is a record of the type that was asked for, at the end of whatever CNAMEs (RFC 2308 §2.2). */
function isAnswered(octets: Uint8Array, { questionEnd, answers }: Layout, rcode: number): boolean {
  if (rcode !== ResponseCode.noError) return false
  const qtype = readU16(octets, questionEnd - 4)
  return answers.some(({ type }) => type === qtype || qtype === RecordType.ANY)
}

/**
 * A copy that ends where the OPT record begins. It is the last record nearly always; what comes after it is of
 * the additional section, which an answer may go without (RFC 2181 §9).
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
