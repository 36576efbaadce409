/**
 * Encodes and decodes TFTP packets (RFC 1350 §5) with the option extension of RFC 2347, and encodes netascii.
 * The text of a request is decoded as UTF-8; RFC 1350 specifies netascii, of which file names use only ASCII.
 */
import { MalformedPacket, Reader } from '../bytes.ts'

/** Options by lower-cased name (RFC 2347: names are case-insensitive), in the order of the packet. */
export type TftpOptions = ReadonlyMap<string, string>

export type TftpRequest = {
  readonly kind: 'rrq' | 'wrq'
  readonly file: string
  /** In lower case: `octet`, `netascii`, `mail`, or an unknown mode. */
  readonly mode: string
  readonly options: TftpOptions
  /** Why the request cannot be read: the answer is an ERROR. */
  readonly problem?: string
}

export type TftpPacket =
  | TftpRequest
  /** `payload` is a view of the packet; a payload shorter than the block size ends the file. */
  | { readonly kind: 'data'; readonly block: number; readonly payload: Uint8Array }
  | { readonly kind: 'ack'; readonly block: number }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | { readonly kind: 'oack'; readonly options: TftpOptions }

/** RFC 1350 §5 appendix, RFC 2347. */
export const ErrorCode = {
  /** See the message. */
  notDefined: 0,
  fileNotFound: 1,
  accessViolation: 2,
  illegalOperation: 4,
  unknownTransferId: 5,
  optionNegotiation: 8,
} as const

const Opcode = { rrq: 1, wrq: 2, data: 3, ack: 4, error: 5, oack: 6 } as const

/** Length of opcode and block number. */
export const dataHeaderOctets = 4

/** RFC 2347: "The maximum size of a request packet is 512 octets." It binds the sender. */
const maxRequestOctets = 512

/** Longer requests are not read: they do not fit into one Ethernet frame. */
const maxReadableOctets = 1472

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
const toUtf8 = new TextEncoder()

/**
 * Decodes a packet.
 *
 * ```
 *   2 octets   string  1   string  1   string  1   string  1
 *  +----------+------+---+-------+---+-------+---+-------+---+
 *  | 1 or 2   | file | 0 | mode  | 0 | opt1  | 0 | val1  | 0 | …    RRQ, WRQ
 *  +----------+------+---+-------+---+-------+---+-------+---+
 *  | 6        | opt1 | 0 | val1  | 0 | …                            OACK
 *  +----------+------+---+-------+---+
 *  | 3        | block (2) | 0 to 65464 octets |                     DATA
 *  +----------+-----------+-------------------+
 *  | 4        | block (2) |                                         ACK
 *  +----------+-----------+-------------+---+
 *  | 5        | code (2)  | message     | 0 |                       ERROR
 *  +----------+-----------+-------------+---+
 * ```
 *
 * Octets after the block number of an ACK are ignored. An ERROR can lack its last zero octet: ending a transfer
 * that the client has aborted matters more than the form of the packet. A request that cannot be read has a problem.
 *
 * @throws {MalformedPacket}
 */
export function decodePacket(octets: Uint8Array): TftpPacket {
  const reader = new Reader(octets)
  const opcode = reader.u16()
  switch (opcode) {
    case Opcode.rrq:
      return decodeRequest('rrq', reader)
    case Opcode.wrq:
      return decodeRequest('wrq', reader)
    case Opcode.data:
      return { kind: 'data', block: reader.u16(), payload: reader.take(reader.remaining) }
    case Opcode.ack:
      return { kind: 'ack', block: reader.u16() }
    case Opcode.error:
      return { kind: 'error', code: reader.u16(), message: decodeMessage(reader) }
    case Opcode.oack:
      return { kind: 'oack', options: decodeOptions(reader) }
    default:
      throw new MalformedPacket(`opcode ${opcode}`, 0)
  }
}

function decodeRequest(kind: 'rrq' | 'wrq', reader: Reader): TftpRequest {
  const unreadable = (file: string, problem: string): TftpRequest => {
    return { kind, file, mode: '', options: noOptions, problem }
  }
  if (reader.end > maxReadableOctets) return unreadable('', `the request has ${reader.end} octets`)
  const file = decodeText(reader)
  if (file === undefined) return unreadable('', 'the file name does not end with a zero octet')
  if (file === '') return unreadable('', 'the file name is empty')
  const mode = decodeText(reader)
  if (mode === undefined) return unreadable(file, 'the request has no mode')
  return { kind, file, mode: mode.toLowerCase(), options: decodeOptions(reader) }
}

const noOptions: TftpOptions = new Map()

/**
 * Decodes the options that are complete. Of a repeated option, the first one counts (RFC 2347: "each may only be
 * specified once"). An empty name ends the options: zero octets after the last one are padding.
 */
function decodeOptions(reader: Reader): TftpOptions {
  const options = new Map<string, string>()
  while (reader.remaining > 0) {
    const name = decodeText(reader)?.toLowerCase()
    const value = name === undefined || name === '' ? undefined : decodeText(reader)
    if (name === undefined || value === undefined) break
    if (!options.has(name)) options.set(name, value)
  }
  return options
}

/** Returns the text up to the next zero octet; `undefined` when there is none. */
function decodeText(reader: Reader): string | undefined {
  const end = reader.octets.indexOf(0, reader.offset)
  if (end === -1) return undefined
  const text = utf8.decode(reader.take(end - reader.offset))
  reader.offset++
  return text
}

function decodeMessage(reader: Reader): string {
  const rest = reader.take(reader.remaining)
  const end = rest.indexOf(0)
  return utf8.decode(end === -1 ? rest : rest.subarray(0, end))
}

/** @throws {RangeError} when a text contains a zero octet, or a request exceeds 512 octets: a bug of the caller */
export function encodePacket(packet: TftpPacket): Uint8Array {
  switch (packet.kind) {
    case 'rrq':
    case 'wrq':
      return encodeRequest(packet)
    case 'oack':
      return encodeTexts(Opcode.oack, [...packet.options].flat())
    case 'ack':
      return Uint8Array.of(0, Opcode.ack, packet.block >>> 8, packet.block)
    case 'error':
      return encodeTexts((Opcode.error << 16) | packet.code, [packet.message], 4)
    case 'data': {
      const octets = new Uint8Array(dataHeaderOctets + packet.payload.length)
      writeDataHeader(octets, packet.block)
      octets.set(packet.payload, dataHeaderOctets)
      return octets
    }
  }
}

/**
 * Writes the header of a DATA packet into the first four octets of a buffer, so that one buffer serves all blocks.
 * Only the low 16 bits of `block` are written: 0 follows 65535, as clients expect.
 */
export function writeDataHeader(octets: Uint8Array, block: number): void {
  octets[0] = 0
  octets[1] = Opcode.data
  octets[2] = block >>> 8
  octets[3] = block
}

function encodeRequest({ kind, file, mode, options }: TftpRequest): Uint8Array {
  const octets = encodeTexts(Opcode[kind], [file, mode, ...[...options].flat()])
  if (octets.length > maxRequestOctets) {
    throw new RangeError(`request of ${octets.length} octets, at most ${maxRequestOctets}`)
  }
  return octets
}

/** @param head the fields before the texts, `headOctets` long */
function encodeTexts(head: number, texts: readonly string[], headOctets = 2): Uint8Array {
  if (texts.some((text) => text.includes('\0'))) throw new RangeError('zero octet inside a text')
  const body = toUtf8.encode(texts.map((text) => `${text}\0`).join(''))
  const octets = new Uint8Array(headOctets + body.length)
  for (let at = 0; at < headOctets; at++) octets[at] = head >>> (8 * (headOctets - 1 - at))
  octets.set(body, headOctets)
  return octets
}

// The transfer mode `netascii`: line ends as in the Telnet protocol (RFC 764, RFC 1350 §1).

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Replaces LF by CR LF and CR by CR NUL. Each octet is translated independently, so a file can be split into
 * chunks anywhere before, and into blocks anywhere after the translation.
 *
 * @returns the chunk itself when it needs no translation
 */
export function encodeNetascii(chunk: Uint8Array): Uint8Array {
  let extra = 0
  for (const octet of chunk) if (octet === lineFeed || octet === carriageReturn) extra++
  if (extra === 0) return chunk
  const text = new Uint8Array(chunk.length + extra)
  let at = 0
  for (const octet of chunk) {
    if (octet === lineFeed) text[at++] = carriageReturn
    text[at++] = octet
    if (octet === carriageReturn) text[at++] = 0
  }
  return text
}
