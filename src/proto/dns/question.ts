/**
 * Reads a query on the hot path: header, exactly one question, and an optional OPT record
 * (RFC 1035 §4.1, RFC 6891 §6.1). Does not copy or allocate, and stops at the first error.
 */
import { MalformedPacket } from '../bytes.ts'
import { formatName, hashPrime, hashStart, maxLabelOctets, maxNameOctets, lowerOctet } from './name.ts'
import {
  clientCookieOctets,
  EdnsOption,
  formatType,
  headerOctets,
  minUdpOctets,
  RecordType,
} from './registry.ts'

/** 255 octets hold at most 127 labels of one octet, and the root. */
const maxLabels = 127

/** A client cookie with a server cookie of 8 to 32 octets (RFC 7873 §4). */
const minCookieOctets = 16
const maxCookieOctets = 40

/**
 * The question of a query. {@link readQuestion} reuses one object: its content is valid until the next call.
 *
 * The name starts at octet 12 of the packet, in the sender's spelling. `labelAt` has the offset of each label, and
 * `hashes` the lower-case hash of the name from that label to the root. Index 0 is the whole name, index 1 its
 * parent, and so on to `labels - 1`; the root has no entry.
 */
export type Question = {
  qtype: number
  qclass: number
  /** Length of the name, including the root label. */
  nameOctets: number
  /** Offset of the first octet after the question section. */
  end: number
  labels: number
  readonly labelAt: Uint16Array
  readonly hashes: Int32Array
  /** Whether the query has an OPT record; the fields below have its values, or the defaults. */
  hasEdns: boolean
  ednsVersion: number
  /** The maximum size of a UDP response that the client accepts, at least 512. */
  udpOctets: number
  /** DO (RFC 3225) */
  isDnssecOk: boolean
  /** Offset and length of the first COOKIE option's data; length 0 without one (RFC 7873 §4). */
  cookieAt: number
  cookieOctets: number
  /** Whether the client requests the server's NSID (RFC 5001 §2.1). */
  wantsNsid: boolean
}

export function createQuestion(): Question {
  return {
    qtype: 0,
    qclass: 0,
    nameOctets: 0,
    end: 0,
    labels: 0,
    labelAt: new Uint16Array(maxLabels),
    hashes: new Int32Array(maxLabels),
    hasEdns: false,
    ednsVersion: 0,
    udpOctets: minUdpOctets,
    isDnssecOk: false,
    cookieAt: 0,
    cookieOctets: 0,
    wantsNsid: false,
  }
}

/**
 * Reads a query into `question`. Octets after the last record are ignored.
 *
 * @throws {MalformedPacket} when there is not exactly one question, a record does not fit, the query has answers or
 * two OPT records, or the question is compressed (no name precedes it)
 */
export function readQuestion(octets: Uint8Array, question: Question): void {
  if (octets.length < headerOctets) throw new MalformedPacket('header cut short', octets.length)
  if (u16(octets, 4) !== 1) throw new MalformedPacket(`${u16(octets, 4)} questions, expected 1`, 4) // RFC 9619 §4
  if (u16(octets, 6) !== 0) throw new MalformedPacket('answers in a query', 6)
  readName(octets, question)
  const end = headerOctets + question.nameOctets + 4
  if (end > octets.length) throw new MalformedPacket('question cut short', octets.length)
  question.qtype = u16(octets, end - 4)
  question.qclass = u16(octets, end - 2)
  question.end = end
  question.hasEdns = false
  question.ednsVersion = 0
  question.udpOctets = minUdpOctets
  question.isDnssecOk = false
  question.cookieOctets = 0
  question.wantsNsid = false
  const authority = u16(octets, 8) // an IXFR query has an SOA record there (RFC 1995 §3)
  const records = authority + u16(octets, 10)
  let at = end
  for (let index = 0; index < records; index++) at = readRecord(octets, at, question, index < authority)
}

/** Returns whether the name from `label` on equals `name`, which is lower case, uncompressed, with the root label. */
export function isNameFrom(question: Question, octets: Uint8Array, label: number, name: Uint8Array): boolean {
  let at = question.labelAt[label] as number
  if (headerOctets + question.nameOctets - at !== name.length) return false
  for (let index = 0; index < name.length; index++, at++) {
    if (lowerOctet[octets[at] as number] !== name[index]) return false
  }
  return true
}

/** Formats the question of a query that {@link readQuestion} has accepted: `api.ocp45.example.net A`. */
export function formatQuestion(octets: Uint8Array): string {
  let end = headerOctets
  while (octets[end] !== 0) end += 1 + (octets[end] as number)
  return `${formatName(octets, headerOctets)} ${formatType(u16(octets, end + 1))}`
}

function readName(octets: Uint8Array, question: Question): void {
  let labels = 0
  let at = headerOctets
  for (;;) {
    const length = octets[at]
    if (length === undefined) throw new MalformedPacket('name cut short', octets.length)
    if (length === 0) break
    if (length > maxLabelOctets) throw new MalformedPacket('compressed or reserved label in a question', at)
    if (at + 1 + length - headerOctets >= maxNameOctets) {
      throw new MalformedPacket(`name longer than ${maxNameOctets} octets`, at)
    }
    question.labelAt[labels++] = at
    at += 1 + length
  }
  question.labels = labels
  question.nameOctets = at + 1 - headerOctets
  let hash = hashStart
  while (labels > 0) {
    const start = question.labelAt[--labels] as number
    while (--at >= start) hash = Math.imul(hash ^ (lowerOctet[octets[at] as number] as number), hashPrime)
    question.hashes[labels] = hash
    at = start
  }
}

/** @returns the first octet after the record */
function readRecord(octets: Uint8Array, start: number, question: Question, isAuthority: boolean): number {
  const fixed = skipOwner(octets, start)
  const rdata = fixed + 10 // TYPE, CLASS, TTL, RDLENGTH
  if (rdata > octets.length) throw new MalformedPacket('record cut short', octets.length)
  const end = rdata + u16(octets, fixed + 8)
  if (end > octets.length) throw new MalformedPacket('rdata cut short', octets.length)
  if (u16(octets, fixed) !== RecordType.OPT) return end
  if (isAuthority || question.hasEdns)
    throw new MalformedPacket('OPT record in the wrong place, or a second one', start)
  if (fixed !== start + 1) throw new MalformedPacket('OPT record with an owner name', start) // RFC 6891 §6.1.2
  readOptions(octets, rdata, end, question)
  question.hasEdns = true
  question.udpOctets = Math.max(minUdpOctets, u16(octets, fixed + 2))
  question.ednsVersion = octets[fixed + 5] as number
  question.isDnssecOk = (u16(octets, fixed + 6) & 0x8000) !== 0
  return end
}

/** The owner name is not needed here, so pointers are not followed. */
function skipOwner(octets: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const length = octets[at]
    if (length === undefined) throw new MalformedPacket('name cut short', octets.length)
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > maxLabelOctets) throw new MalformedPacket('reserved label', at)
    at += 1 + length
  }
}

/** RFC 6891 §6.1.2: a list of code, length, and data, without trailing octets. */
function readOptions(octets: Uint8Array, start: number, end: number, question: Question): void {
  let at = start
  while (at + 4 <= end) {
    const code = u16(octets, at)
    const length = u16(octets, at + 2)
    if (code === EdnsOption.nsid) question.wantsNsid = true
    // RFC 7873 §5.2.2: only the first counts.
    if (code === EdnsOption.cookie && question.cookieOctets === 0) {
      const isCookie =
        length === clientCookieOctets || (length >= minCookieOctets && length <= maxCookieOctets)
      if (!isCookie) throw new MalformedPacket(`cookie of ${length} octets`, at)
      question.cookieAt = at + 4
      question.cookieOctets = length
    }
    at += 4 + length
  }
  if (at !== end) throw new MalformedPacket('EDNS option cut short', end)
}

function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 8) | (octets[at + 1] as number)
}
