/**
 * Walks a whole message without decoding it, and returns the positions of its records and compressed names
 * (RFC 1035 §4.1). It validates the structure, so that a decoder of records can rely on it.
 */
import { MalformedPacket, Reader } from '../bytes.ts'
import { maxLabelOctets, maxNameOctets } from './name.ts'
import { headerOctets, RecordType } from './registry.ts'

export type RecordPosition = {
  readonly type: number
  /** Offsets of its RDATA; `end` is exclusive. */
  readonly start: number
  readonly end: number
}

export type Layout = {
  readonly questions: number
  /** Offset of the first octet after the question section. */
  readonly questionEnd: number
  readonly answers: readonly RecordPosition[]
  readonly authority: readonly RecordPosition[]
  readonly additional: readonly RecordPosition[]
  /** Offsets of all compression pointers in questions, owner names, and RDATA. */
  readonly pointers: readonly number[]
  /** Whether a label contains a dot, which plain text cannot represent. */
  readonly hasDots: boolean
}

/** Results collected during the walk. */
type Findings = {
  readonly pointers: number[]
  hasDots: boolean
  /** The end of the name or RDATA that each octet belongs to; 0 for octets that cannot be part of a name. */
  readonly partEnds: Uint32Array
}

/** Names in RDATA that can be compressed: octets before the first, and their count (RFC 1035 §3.3, RFC 3597 §4). */
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

/** A name of 255 octets has at most 127 labels, and a pointer can follow each. */
const maxPointers = 127

/** @throws {MalformedPacket} when a section has fewer records than its count, or a name is invalid */
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

function walkRecords(reader: Reader, count: number, found: Findings): RecordPosition[] {
  const positions: RecordPosition[] = []
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
    positions.push({ type, start, end })
  }
  return positions
}

/** RFC 6891 §6.1.2: code, length, data, without trailing octets. Checked because options are forwarded to clients. */
function walkOptions(rdata: Reader): void {
  while (rdata.remaining > 0) {
    rdata.take(2)
    rdata.take(rdata.u16())
  }
}

/**
 * Skips a name and validates it. A pointer must lead before the part of the name that it ends
 * (RFC 1035 §4.1.4: "a prior occurance of the same name"), so a walk always ends. It must also lead into another
 * name, so that changes of TTLs and of the OPT record cannot change a name.
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
      if (target >= partStart || end === 0)
        throw new MalformedPacket('pointer does not lead to an earlier name', at)
      if (++jumps > maxPointers) throw new MalformedPacket(`more than ${maxPointers} pointers in a name`, at)
      if (part === reader) found.pointers.push(at)
      part = new Reader(reader.octets, target, end)
      partStart = target
      continue
    }
    if (length > maxLabelOctets) throw new MalformedPacket('reserved label', at)
    nameOctets += 1 + length
    if (nameOctets > maxNameOctets) throw new MalformedPacket(`name longer than ${maxNameOctets} octets`, at)
    if (length === 0) break
    if (part.take(length).includes(dot)) found.hasDots = true
  }
  found.partEnds.fill(reader.offset, start, reader.offset)
}

// Takes records out of a message: expands compressed names, so that the record can be appended to another message
// (RFC 1035 §4.1.4). The message has been walked, so all its names are valid.

/** TYPE, CLASS, TTL, and RDLENGTH between the owner and the RDATA. */
const fixedOctets = 10

/** Returns the name at an offset without compression. */
export function expandName(octets: Uint8Array, at: number): Uint8Array {
  const name: number[] = []
  let offset = at
  for (let length = octets[offset] as number; length > 0; length = octets[offset] as number) {
    if (length >= 0xc0) {
      offset = ((length & 0x3f) << 8) | (octets[offset + 1] as number)
      continue
    }
    name.push(...octets.subarray(offset, offset + 1 + length))
    offset += 1 + length
  }
  return Uint8Array.of(...name, 0)
}

/**
 * Returns a record without compression.
 *
 * @param at the offset of its owner name
 */
export function expandRecord(
  octets: Uint8Array,
  at: number,
  { type, start, end }: RecordPosition,
): Uint8Array {
  const { after, count } = namesInRdata.get(type) ?? { after: 0, count: 0 }
  const parts = [octets.subarray(start, start + after)]
  let offset = start + after
  for (let index = 0; index < count; index++) {
    parts.push(expandName(octets, offset))
    offset = endOfName(octets, offset)
  }
  parts.push(octets.subarray(offset, end))
  const rdata = Uint8Array.from(parts.flatMap((part) => [...part]))
  const fixed = octets.slice(start - fixedOctets, start)
  fixed[fixedOctets - 2] = rdata.length >>> 8
  fixed[fixedOctets - 1] = rdata.length
  return Uint8Array.of(...expandName(octets, at), ...fixed, ...rdata)
}

function endOfName(octets: Uint8Array, at: number): number {
  let offset = at
  for (let length = octets[offset] as number; length > 0; length = octets[offset] as number) {
    if (length >= 0xc0) return offset + 2
    offset += 1 + length
  }
  return offset + 1
}
