/**
 * Encodes and decodes whole messages with the dns2 package, outside the hot path: answers when a plan is compiled,
 * queries of a client, and responses (RFC 1035 §4.1, RFC 6891 §6.1). Splits a TCP stream into messages (RFC 7766 §8).
 */
import { Packet, type Resource } from 'dns2'
import { MalformedPacket } from '../bytes.ts'
import { copiedType, fromDns2, toDns2, type OtherRecord, type ResourceRecord } from './record.ts'
import { typeCode, type OtherTypeName } from './presentation.ts'
import { classIn, dnssecOkFlag, HeaderFlag, headerOctets, RecordType, type TypeName } from './registry.ts'
import { walkMessage, type RecordPosition } from './walk.ts'

export type QueryOptions = {
  readonly id: number
  /** Without the last dot, at most 253 characters. */
  readonly name: string
  readonly type: TypeName | OtherTypeName
  /** RD; true by default. */
  readonly isRecursionDesired?: boolean
  /** The maximum size of a UDP response; adds an OPT record. */
  readonly udpOctets?: number
}

export type Sections = {
  readonly question: { readonly name: string; readonly type: TypeName | OtherTypeName }
  readonly answers: readonly ResourceRecord[]
  readonly authority: readonly ResourceRecord[]
  readonly additional: readonly ResourceRecord[]
}

/** A decoded response. The OPT record is removed from `additional`. */
export type DecodedAnswer = {
  readonly id: number
  /** All 12 bits when the response has an OPT record. */
  readonly rcode: number
  readonly isAuthoritative: boolean
  readonly isTruncated: boolean
  readonly isRecursionAvailable: boolean
  /** Absent when the server could not read it (FORMERR with a header only). */
  readonly question: { readonly name: string; readonly type: number } | undefined
  readonly answers: readonly (ResourceRecord | OtherRecord)[]
  readonly authority: readonly (ResourceRecord | OtherRecord)[]
  readonly additional: readonly (ResourceRecord | OtherRecord)[]
  readonly edns: { readonly udpOctets: number; readonly isDnssecOk: boolean } | undefined
}

export function encodeQuery(options: QueryOptions): Uint8Array {
  const { id, name, type, isRecursionDesired = true, udpOctets } = options
  const packet = new Packet()
  packet.header = new Packet.Header({ id, rd: isRecursionDesired ? 1 : 0 })
  packet.questions = [new Packet.Question(name, typeCode(type), classIn)]
  if (udpOctets !== undefined) packet.additionals = [Packet.Resource.EDNS([], { udpPayloadSize: udpOctets })]
  return Uint8Array.from(packet.toBuffer())
}

/** Encodes an authoritative answer with id 0. Names are compressed, except the targets of SRV records. */
export function encodeAnswer({ question, answers, authority, additional }: Sections): Uint8Array {
  const packet = new Packet()
  packet.header = new Packet.Header({ qr: 1, aa: 1 })
  packet.questions = [new Packet.Question(question.name, typeCode(question.type), classIn)]
  packet.answers = answers.map(toDns2)
  packet.authorities = authority.map(toDns2)
  packet.additionals = additional.map(toDns2)
  const message = Uint8Array.from(packet.toBuffer())
  const types = [...answers, ...authority, ...additional].map(copiedType)
  return types.some((type) => type !== undefined) ? withTypes(message, types) : message
}

/** Restores the types of records (see {@link copiedType}). */
function withTypes(message: Uint8Array, types: readonly (number | undefined)[]): Uint8Array {
  const layout = walkMessage(message)
  for (const [index, { start }] of [...layout.answers, ...layout.authority, ...layout.additional].entries()) {
    const type = types[index]
    if (type === undefined) continue
    message[start - 10] = type >>> 8
    message[start - 9] = type & 0xff
  }
  return message
}

/**
 * Decodes a response; octets after its end are ignored.
 *
 * @throws {MalformedPacket} for a query, for an invalid message, and for names that text cannot represent
 */
export function decodeAnswer(octets: Uint8Array): DecodedAnswer {
  const layout = walkMessage(octets)
  const flags = ((octets[2] as number) << 8) | (octets[3] as number)
  if ((flags & HeaderFlag.response) === 0) throw new MalformedPacket('a query, not a response', 2)
  if (layout.questions > 1) throw new MalformedPacket(`${layout.questions} questions`, 4)
  if (layout.hasDots)
    throw new MalformedPacket('a label with a dot, which text cannot represent', headerOctets)
  const packet = parse(octets)
  const question = packet.questions[0]
  const opt = packet.additionals.find((record) => record.type === RecordType.OPT)
  const records = (section: readonly Resource[], positions: readonly RecordPosition[]) =>
    section
      .map((record, index) => {
        const { start, end } = positions[index] as RecordPosition
        return fromDns2(record, octets.subarray(start, end))
      })
      .filter(({ data }) => data.type !== 'other' || data.code !== RecordType.OPT)
  return {
    id: packet.header.id,
    rcode: packet.header.rcode,
    isAuthoritative: (flags & HeaderFlag.authoritative) !== 0,
    isTruncated: (flags & HeaderFlag.truncated) !== 0,
    isRecursionAvailable: (flags & HeaderFlag.recursionAvailable) !== 0,
    question: question && { name: question.name, type: question.type },
    answers: records(packet.answers, layout.answers),
    authority: records(packet.authorities, layout.authority),
    additional: records(packet.additionals, layout.additional),
    edns: opt && { udpOctets: opt.class, isDnssecOk: (opt.ttl & dnssecOkFlag) !== 0 },
  }
}

/** dns2 skips records that it cannot decode; here the first such record is an error. */
function parse(octets: Uint8Array): Packet {
  // dns2 accepts only a Buffer; this one is a view, not a copy.
  const packet = Packet.parse(Buffer.from(octets.buffer, octets.byteOffset, octets.length))
  const [error] = packet.errors
  if (error !== undefined) throw new MalformedPacket(error.message, error.offset as number)
  return packet
}

// On a TCP stream a 16-bit length precedes each message (RFC 1035 §4.2.2, RFC 7766 §8).

/** Splits a stream into messages. */
export type FrameReader = {
  /** Reads the next octets of the stream and returns copies of the messages that they complete. */
  push(chunk: Uint8Array): Uint8Array[]
}

/** Buffers at most one incomplete message, of the announced length. */
export function createFrameReader(): FrameReader {
  let high: number | undefined // the first octet of the length, until the second arrives
  let message: Uint8Array | undefined
  let filled = 0
  return {
    push(chunk) {
      const messages: Uint8Array[] = []
      let at = 0
      while (at < chunk.length) {
        if (message === undefined) {
          const octet = chunk[at++] as number
          if (high === undefined) {
            high = octet
            continue
          }
          message = new Uint8Array((high << 8) | octet)
          high = undefined
          filled = 0
        }
        const part = chunk.subarray(at, at + message.length - filled)
        message.set(part, filled)
        filled += part.length
        at += part.length
        if (filled < message.length) break
        messages.push(message)
        message = undefined
      }
      return messages
    },
  }
}

/** Returns the message with its length prefix, to be sent in one write (RFC 7766 §8). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(2 + message.length)
  framed[0] = message.length >>> 8
  framed[1] = message.length
  framed.set(message, 2)
  return framed
}
