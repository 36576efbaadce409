/**
 * Walking a whole message without decoding it: where its records and its compressed names are
 * (RFC 1035 §4.1). What passes here is safe and quick for a decoder of records.
 */
import { MalformedPacket } from '../bytes/malformed.ts'
import { Reader } from '../bytes/reader.ts'
import { longestLabelOctets, longestNameOctets } from './name.ts'
import { headerOctets, RecordType } from './registry.ts'

export type RecordPlace = {
  readonly type: number
  /** The first octet of its RDATA, and the first after it. */
  readonly start: number
  readonly end: number
}

export type Layout = {
  readonly questions: number
  /** The first octet after the question section. */
  readonly questionEnd: number
  readonly answers: readonly RecordPlace[]
  readonly authority: readonly RecordPlace[]
  readonly additional: readonly RecordPlace[]
  /** The offset of every compression pointer, in names of questions, owners and RDATA. */
  readonly pointers: readonly number[]
  /** Whether a label has a dot in it, so that names as plain text would say something else. */
  readonly hasDots: boolean
}

/** What is found on the way. */
type Findings = {
  readonly pointers: number[]
  hasDots: boolean
  /** For each octet of a name, and of RDATA that may hold one, where that ends; 0 for all others. */
  readonly partEnds: Uint32Array
}

/** Names in RDATA that may be compressed: octets before the first, and how many (RFC 1035 §3.3, RFC 3597 §4). */
const namesInRdata = new Map<number, { readonly after: number; readonly count: number }>([
  [RecordType.NS, { after: 0, count: 1 }],
  [RecordType.CNAME, { after: 0, count: 1 }],
  [RecordType.SOA, { after: 0, count: 2 }],
  [RecordType.PTR, { after: 0, count: 1 }],
  [RecordType.MX, { after: 2, count: 1 }],
  [RecordType.SRV, { after: 6, count: 1 }],
  [RecordType.RRSIG, { after: 18, count: 1 }],
])

const dot = 0x2e

/** A name of 255 octets has at most 127 labels, each of which a pointer may follow. */
const mostPointers = 127

/** @throws {MalformedPacket} when a section is shorter than its count says, or a name is not one */
export function walkMessage(octets: Uint8Array): Layout {
  const header = new Reader(octets)
  header.take(4)
  const [questions, answers, authority, additional] = [header.u16(), header.u16(), header.u16(), header.u16()]
  const found: Findings = { pointers: [], hasDots: false, partEnds: new Uint32Array(octets.length) }
  const reader = new Reader(octets, headerOctets)
  for (let index = 0; index < questions; index++) {
    walkName(reader, found)
    reader.take(4)
  }
  const questionEnd = reader.offset
  return {
    questions,
    questionEnd,
    answers: walkRecords(reader, answers, found),
    authority: walkRecords(reader, authority, found),
    additional: walkRecords(reader, additional, found),
    pointers: found.pointers,
    hasDots: found.hasDots,
  }
}

function walkRecords(reader: Reader, count: number, found: Findings): RecordPlace[] {
  const places: RecordPlace[] = []
  for (let index = 0; index < count; index++) {
    walkName(reader, found)
    const type = reader.u16()
    reader.take(6) // CLASS, TTL
    const length = reader.u16()
    const start = reader.offset
    reader.take(length)
    const end = reader.offset
    const rdata = new Reader(reader.octets, start, end)
    const names = namesInRdata.get(type)
    if (type === RecordType.OPT) walkOptions(rdata)
    else if (names === undefined) found.partEnds.fill(end, start, end)
    else {
      rdata.take(names.after)
      for (let name = 0; name < names.count; name++) walkName(rdata, found)
    }
    places.push({ type, start, end })
  }
  return places
}

/** RFC 6891 §6.1.2: code, length, data, and nothing left over; this is passed on to clients. */
function walkOptions(rdata: Reader): void {
  while (rdata.remaining > 0) {
    rdata.take(2)
    rdata.take(rdata.u16())
  }
}

/**
 * Moves past a name and checks all of it. A pointer must point before the part of the name that it ends
 * (RFC 1035 §4.1.4: "a prior occurance of the same name"), so each jump goes further back and none returns; and to
 * octets of a name, within which it goes on, so no name changes with the TTLs and the OPT record around it.
 */
function walkName(reader: Reader, found: Findings): void {
  const start = reader.offset
  let part = reader
  let partStart = start
  let nameOctets = 0
  let jumps = 0
  for (;;) {
    const at = part.offset
    const length = part.u8()
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | part.u8()
      const end = found.partEnds[target] ?? 0
      if (target >= partStart || end === 0) throw new MalformedPacket('pointer not to an earlier name', at)
      if (++jumps > mostPointers)
        throw new MalformedPacket(`more than ${mostPointers} pointers in a name`, at)
      if (part === reader) found.pointers.push(at)
      part = new Reader(reader.octets, target, end)
      partStart = target
      continue
    }
    if (length > longestLabelOctets) throw new MalformedPacket('reserved label', at)
    nameOctets += 1 + length
    if (nameOctets > longestNameOctets)
      throw new MalformedPacket(`name longer than ${longestNameOctets} octets`, at)
    if (length === 0) break
    if (part.take(length).includes(dot)) found.hasDots = true
  }
  found.partEnds.fill(reader.offset, start, reader.offset)
}
