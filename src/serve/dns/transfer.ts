/** Zone transfers to secondaries (RFC 5936). IXFR is answered with the whole zone too (RFC 1995 §4). Pure. */
import { findOwner, type Zone } from '../../plan/dns/plan.ts'
import { serialOf, isNewerSerial } from '../../plan/dns/zone.ts'
import { MalformedPacket, Reader } from '../../proto/bytes.ts'
import { encodeAnswer } from '../../proto/dns/message.ts'
import { formatName } from '../../proto/dns/name.ts'
import type { Question } from '../../proto/dns/question.ts'
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import {
  ednsUdpOctets,
  HeaderFlag,
  headerOctets,
  RecordType,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import { walkMessage } from '../../proto/dns/walk.ts'
import { askedOf, errorReply, malformedReply, refuse, type DnsAnswer, type Query } from './query.ts'
import { optOctets, writeHeader, writeOpt, writeU16, type Asked } from './reply.ts'

/** The extent of a transfer: the whole zone, its SOA record only, or nothing because UDP carries no zones. */
type Extent = 'zone' | 'soa' | 'none'

/** Encoding takes time in proportion to the square of the size of a message: about 1 ms for this size. */
const maxMessageOctets = 2000

export function isTransferType(qtype: number): boolean {
  return qtype === RecordType.AXFR || qtype === RecordType.IXFR
}

/** Returns nothing where the SOA record of the zone is the whole answer. */
export function answerTransfer(query: Query): DnsAnswer | undefined {
  const { octets, question, client, transport } = query
  if (client.isSecondary !== true) return refuse(query, 'dns.transfer-not-allowed')
  const zone = zoneOf(query)
  if (zone === undefined) {
    return {
      ...errorReply(query, 'notAuthoritative', ResponseCode.notAuth, question),
      code: 'dns.zone-not-served',
    }
  }
  try {
    const extent = transferExtent(octets, question, zone, transport)
    if (extent === 'none') return refuse(query, 'dns.transfer-over-udp')
    if (extent === 'soa') return undefined
    const messages = transferMessages(octets, askedOf(query), zone, question.qtype)
    return { kind: 'transfer', zone, messages }
  } catch (error) {
    return malformedReply(query, error)
  }
}

/** Returns the zone whose apex the query names. */
function zoneOf({ octets, question, plan: { names, zones } }: Query): Zone | undefined {
  const owner = findOwner(names, octets, question, 0)
  if (owner?.responses.has(RecordType.SOA) !== true) return undefined
  const name = formatName(owner.name, 0)
  return zones.find((zone) => zone.name === name)
}

/** @throws {MalformedPacket} when the authority section of an IXFR query is malformed */
function transferExtent(
  query: Uint8Array,
  { qtype }: Question,
  zone: Zone,
  transport: 'udp' | 'tcp',
): Extent {
  if (qtype === RecordType.AXFR) return transport === 'tcp' ? 'zone' : 'none'
  // Over UDP the SOA record means "use TCP" (RFC 1995 §2), or "no change" to a secondary with this serial (§4).
  const known = knownSerial(query)
  return transport === 'tcp' && (known === undefined || isNewerSerial(serialOf(zone), known)) ? 'zone' : 'soa'
}

/**
 * Generates the messages of a transfer: the SOA record comes first and last (RFC 5936 §2.2), every message has the
 * question. A message is encoded when it is requested, so a large zone does not delay other clients.
 */
function transferMessages(query: Uint8Array, asked: Asked, zone: Zone, qtype: number): Generator<Uint8Array> {
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

/** Returns the serial of the version that the sender of an IXFR query has (RFC 1995 §3). */
function knownSerial(query: Uint8Array): number | undefined {
  const soa = walkMessage(query).authority.find(({ type }) => type === RecordType.SOA)
  if (soa === undefined) return undefined
  // Two names, then serial, refresh, retry, expire, and minimum.
  if (soa.end - soa.start < 22) throw new MalformedPacket('SOA record cut short', soa.start)
  return new Reader(query, soa.end - 20).u32()
}

function inMessages(records: readonly ResourceRecord[]): ResourceRecord[][] {
  const messages: ResourceRecord[][] = []
  let free = 0
  for (const record of records) {
    const octets = maxRecordOctets(record)
    if (octets > free) {
      messages.push([])
      free = maxMessageOctets
    }
    messages.at(-1)?.push(record)
    free -= octets
  }
  return messages
}

/** Adds the id of the query, its spelling of the name, and an OPT record if it had one. */
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

/** Returns an upper bound of the octets of a record. */
function maxRecordOctets({ owner, data }: ResourceRecord): number {
  return owner.length + 2 + 10 + rdataOctets(data)
}

function rdataOctets(data: RecordData): number {
  if ('rdata' in data) return data.rdata.length / 2
  switch (data.type) {
    case 'A':
      return 4
    case 'AAAA':
      return 16
    case 'SOA':
      return data.mname.length + data.rname.length + 24
    case 'TXT':
      return new TextEncoder().encode(data.text).length + 1 + Math.ceil(data.text.length / 64)
    case 'CAA':
      return 2 + new TextEncoder().encode(data.tag + data.value).length
    case 'MX':
    case 'SRV':
      return data.target.length + 8
    default:
      return data.target.length + 2
  }
}
