/**
 * Reading a query on the hot path: header, exactly one question, an OPT record when there is one
 * (RFC 1035 §4.1, RFC 6891 §6.1). Copies nothing, allocates nothing, stops at the first error.
 */
import { MalformedPacket } from '../bytes/malformed.ts'
import {
  formatName,
  hashPrime,
  hashStart,
  longestLabelOctets,
  longestNameOctets,
  lowerOctet,
} from './name.ts'
import {
  clientCookieOctets,
  EdnsOption,
  formatType,
  headerOctets,
  leastUdpOctets,
  RecordType,
} from './registry.ts'

/** 255 octets hold at most 127 labels of one octet and the root. */
const mostLabels = 127

/** A client cookie with a server cookie of 8 to 32 octets (RFC 7873 §4). */
const leastCookies = 16
const mostCookies = 40

/**
 * What a query asks. One of these is filled anew by every {@link readQuestion}: it is valid until the next.
 *
 * The name lies in the packet from octet 12 on, in the sender's own spelling. `labelAt` and `hashes` give
 * each label's offset and the lower-case hash of the name from that label to the root: number 0 is the whole
 * name, the next is its parent, and so on to `labels - 1`; the root has none.
 */
export type Question = {
  qtype: number
  qclass: number
  /** Octets of the name, the root label included. */
  nameOctets: number
  /** The first octet after the question section. */
  end: number
  labels: number
  readonly labelAt: Uint16Array
  readonly hashes: Int32Array
  /** Whether an OPT record came with it; the fields below are its values, or what its absence means. */
  hasEdns: boolean
  ednsVersion: number
  /** The largest answer that the sender takes over UDP, at least 512. */
  udpOctets: number
  /** DO (RFC 3225) */
  isDnssecOk: boolean
  /** Where the data of the first COOKIE option is, and its length; 0 without one (RFC 7873 §4). */
  cookieAt: number
  cookieOctets: number
  /** Whether the sender asks which server answers (RFC 5001 §2.1). */
  wantsNsid: boolean
}

export function createQuestion(): Question {
  return {
    qtype: 0,
    qclass: 0,
    nameOctets: 0,
    end: 0,
    labels: 0,
    labelAt: new Uint16Array(mostLabels),
    hashes: new Int32Array(mostLabels),
    hasEdns: false,
    ednsVersion: 0,
    udpOctets: leastUdpOctets,
    isDnssecOk: false,
    cookieAt: 0,
    cookieOctets: 0,
    wantsNsid: false,
  }
}

/**
 * Reads a query into `question`. Octets after the last record are left alone.
 *
 * @throws {MalformedPacket} for anything but one question, records that do not end where they say, answers
 * in a query, two OPT records, and a compressed question, which has nothing before it to point to
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
  question.udpOctets = leastUdpOctets
  question.isDnssecOk = false
  question.cookieOctets = 0
  question.wantsNsid = false
  const authority = u16(octets, 8) // an IXFR query has a SOA there (RFC 1995 §3)
  const records = authority + u16(octets, 10)
  let at = end
  for (let index = 0; index < records; index++) at = readRecord(octets, at, question, index < authority)
}

/** Whether the name from `label` on is `name`: lower case, uncompressed, root label included. */
export function isNameFrom(question: Question, octets: Uint8Array, label: number, name: Uint8Array): boolean {
  let at = question.labelAt[label] as number
  if (headerOctets + question.nameOctets - at !== name.length) return false
  for (let index = 0; index < name.length; index++, at++) {
    if (lowerOctet[octets[at] as number] !== name[index]) return false
  }
  return true
}

/** The question of a query that {@link readQuestion} has accepted, for people: `api.ocp45.example.net A`. */
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
    if (length > longestLabelOctets)
      throw new MalformedPacket('compressed or reserved label in a question', at)
    if (at + 1 + length - headerOctets >= longestNameOctets) {
      throw new MalformedPacket(`name longer than ${longestNameOctets} octets`, at)
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
  if (isAuthority || question.hasEdns) throw new MalformedPacket('OPT where none may be', start)
  if (fixed !== start + 1) throw new MalformedPacket('OPT with an owner name', start) // RFC 6891 §6.1.2
  readOptions(octets, rdata, end, question)
  question.hasEdns = true
  question.udpOctets = Math.max(leastUdpOctets, u16(octets, fixed + 2))
  question.ednsVersion = octets[fixed + 5] as number
  question.isDnssecOk = (u16(octets, fixed + 6) & 0x8000) !== 0
  return end
}

/** The owner of a record is of no interest here, so a pointer in it is not followed. */
function skipOwner(octets: Uint8Array, start: number): number {
  let at = start
  for (;;) {
    const length = octets[at]
    if (length === undefined) throw new MalformedPacket('name cut short', octets.length)
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > longestLabelOctets) throw new MalformedPacket('reserved label', at)
    at += 1 + length
  }
}

/** RFC 6891 §6.1.2: code, length, data, as often as fits, and nothing left over. */
function readOptions(octets: Uint8Array, start: number, end: number, question: Question): void {
  let at = start
  while (at + 4 <= end) {
    const code = u16(octets, at)
    const length = u16(octets, at + 2)
    if (code === EdnsOption.nsid) question.wantsNsid = true
    // RFC 7873 §5.2.2: all but the first are ignored
    if (code === EdnsOption.cookie && question.cookieOctets === 0) {
      const isCookie = length === clientCookieOctets || (length >= leastCookies && length <= mostCookies)
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
