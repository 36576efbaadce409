/**
 * Whole zones for secondaries (RFC 5936, and RFC 1995 §4: IXFR is answered with the whole zone too). Pure:
 * a query and a zone in, messages out. Who may ask is decided before.
 */
import { serialOf, isNewerSerial } from '../../plan/dns/serial.ts'
import type { Zone } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes/malformed.ts'
import { Reader } from '../../proto/bytes/reader.ts'
import { encodeAnswer } from '../../proto/dns/message.ts'
import type { Question } from '../../proto/dns/question.ts'
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import { ednsUdpOctets, HeaderFlag, headerOctets, RecordType } from '../../proto/dns/registry.ts'
import { walkMessage } from '../../proto/dns/walk.ts'
import { optOctets, writeHeader, writeOpt, writeU16, type Asked } from './reply.ts'

/** What is sent: all of the zone, only its SOA record, or nothing because datagrams carry no zones. */
export type Extent = 'zone' | 'soa' | 'none'

/** Each costs about a millisecond: the codec's time grows with the square of a message. */
const mostMessageOctets = 2000

/** @throws {MalformedPacket} when the records of an IXFR query are none */
export function transferExtent(
  query: Uint8Array,
  { qtype }: Question,
  zone: Zone,
  transport: 'udp' | 'tcp',
): Extent {
  if (qtype === RecordType.AXFR) return transport === 'tcp' ? 'zone' : 'none'
  // Over UDP the SOA says "come by TCP" (RFC 1995 §2), to who has this version "nothing is new" (§4).
  const known = knownSerial(query)
  return transport === 'tcp' && (known === undefined || isNewerSerial(serialOf(zone), known)) ? 'zone' : 'soa'
}

/**
 * The SOA record opens the zone and closes it (RFC 5936 §2.2); every message has the question. Each is made
 * when it is taken, so that nobody else waits for a large zone.
 */
export function transferMessages(
  query: Uint8Array,
  asked: Asked,
  zone: Zone,
  qtype: number,
): Generator<Uint8Array> {
  const type = qtype === RecordType.AXFR ? 'AXFR' : 'IXFR'
  return messages(query.slice(0, asked.end), asked, zone, type)
}

function* messages(
  query: Uint8Array,
  asked: Asked,
  { name, records }: Zone,
  type: 'AXFR' | 'IXFR',
): Generator<Uint8Array> {
  for (const answers of inMessages([...records, records[0] as ResourceRecord])) {
    const sections = { question: { name, type }, answers, authority: [], additional: [] }
    yield asReply(query, asked, encodeAnswer(sections))
  }
}

/** The serial that an IXFR query says it has (RFC 1995 §3). */
function knownSerial(query: Uint8Array): number | undefined {
  const soa = walkMessage(query).authority.find(({ type }) => type === RecordType.SOA)
  if (soa === undefined) return undefined
  // Two names, then serial, refresh, retry, expire and minimum.
  if (soa.end - soa.start < 22) throw new MalformedPacket('SOA record cut short', soa.start)
  return new Reader(query, soa.end - 20).u32()
}

function inMessages(records: readonly ResourceRecord[]): ResourceRecord[][] {
  const messages: ResourceRecord[][] = []
  let room = 0
  for (const record of records) {
    const octets = mostOctets(record)
    if (octets > room) {
      messages.push([])
      room = mostMessageOctets
    }
    messages.at(-1)?.push(record)
    room -= octets
  }
  return messages
}

/** The message with the query's id, its spelling of the name, and an OPT record if it had one. */
function asReply(query: Uint8Array, question: Asked, message: Uint8Array): Uint8Array {
  const { hasEdns, isDnssecOk, clientOptions } = question
  const reply = new Uint8Array(message.length + (hasEdns ? optOctets + (clientOptions?.length ?? 0) : 0))
  reply.set(message)
  reply.set(query.subarray(headerOctets, question.end), headerOctets)
  writeHeader(query, reply, HeaderFlag.response | HeaderFlag.authoritative)
  if (!hasEdns) return reply
  writeU16(reply, 10, 1)
  writeOpt(reply, message.length, ednsUdpOctets, isDnssecOk, 0, undefined, clientOptions)
  return reply
}

/** Octets of a record before compression, or a few more. */
function mostOctets({ owner, data }: ResourceRecord): number {
  return owner.length + 2 + 10 + rdataOctets(data)
}

function rdataOctets(data: RecordData): number {
  switch (data.type) {
    case 'A':
      return 4
    case 'AAAA':
      return 16
    case 'SOA':
      return data.mname.length + data.rname.length + 24
    case 'TXT':
      return new TextEncoder().encode(data.text).length + 1 + Math.ceil(data.text.length / 64)
    case 'SRV':
      return data.target.length + 8
    default:
      return data.target.length + 2
  }
}
