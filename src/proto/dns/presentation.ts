/**
 * Record types beside those that this program uses itself: their data in presentation format, as in a zone file, and as
 * RDATA. Types without a format here have the generic format `\# LENGTH HEX` (RFC 3597 §5). Formats: RFC 1035 §3.3.2
 * (HINFO), RFC 1183 (AFSDB, RP), RFC 2230 (KX), RFC 3403 (NAPTR), RFC 4255 (SSHFP), RFC 4398 (CERT), RFC 6698 (TLSA),
 * RFC 7553 (URI), RFC 7929 (OPENPGPKEY), RFC 8162 (SMIMEA), RFC 9460 (SVCB, HTTPS), RFC 1876 (LOC).
 */
import { MalformedPacket, Reader } from '../bytes.ts'
import { formatLocation, parseLocation } from './location.ts'
import {
  base64Field,
  hexField,
  nameField,
  numberField,
  stringField,
  textField,
  type Field,
} from './rdata-field.ts'
import { RecordType } from './registry.ts'
import { parametersField } from './service-parameters.ts'
import { presentationWords, type Word } from './words.ts'

type Shape = {
  readonly code: number
  readonly fields: readonly Field[]
  /** Returns what is expected of valid fields: BIND would not load a zone with other values. */
  readonly problem?: (rdata: Uint8Array) => string | undefined
}

const u8 = numberField(8)
const u16 = numberField(16)
const location: Field = { parse: parseLocation, format: formatLocation }

const shapes = {
  HINFO: { code: 13, fields: [stringField, stringField] },
  RP: { code: 17, fields: [nameField, nameField] },
  AFSDB: { code: 18, fields: [u16, nameField] },
  LOC: { code: 29, fields: [location] },
  NAPTR: {
    code: 35,
    fields: [u16, u16, stringField, stringField, stringField, nameField],
    problem: substitutionProblem,
  },
  KX: { code: 36, fields: [u16, nameField] },
  CERT: { code: 37, fields: [u16, u16, u8, base64Field] },
  SSHFP: { code: 44, fields: [u8, u8, hexField], problem: fingerprintProblem },
  TLSA: { code: 52, fields: [u8, u8, u8, hexField] },
  SMIMEA: { code: 53, fields: [u8, u8, u8, hexField] },
  OPENPGPKEY: { code: 61, fields: [base64Field] },
  SVCB: { code: 64, fields: [u16, nameField, parametersField] },
  HTTPS: { code: 65, fields: [u16, nameField, parametersField] },
  URI: { code: 256, fields: [u16, u16, textField] },
} as const satisfies Record<string, Shape>

export type OtherTypeName = keyof typeof shapes | `TYPE${number}`

/** Data that this program only stores and sends. */
export type OtherData = {
  readonly type: OtherTypeName
  readonly code: number
  /** In lower-case hexadecimal. */
  readonly rdata: string
  /** In presentation format. */
  readonly text: string
}

export const otherTypeNames: readonly string[] = Object.keys(shapes)

const genericFormat = String.raw`\# <length> <hexadecimal>`

/** Fits into one message beside a name, as up to 16 texts do. */
const maxRdataOctets = 3900

/**
 * Types that a zone cannot have, or that need a server that signs zones (RFC 4034, RFC 5155, RFC 7344) or rewrites names
 * (RFC 6672); QTYPEs and meta types are 128 to 255 (RFC 6895 §3.1).
 */
const refused: Readonly<Record<string, number>> = {
  ...{ SIG: 24, KEY: 25, NXT: 30, DNAME: 39, OPT: 41, DS: 43, RRSIG: 46, NSEC: 47, DNSKEY: 48 },
  ...{ NSEC3: 50, NSEC3PARAM: 51, CDS: 59, CDNSKEY: 60, CSYNC: 62, ZONEMD: 63 },
}

/** Types that have their own key in the site file. */
const own = new Set(['A', 'NS', 'CNAME', 'SOA', 'PTR', 'MX', 'TXT', 'AAAA', 'SRV', 'CAA'])

/** @param type a mnemonic, or `TYPE` and a number (RFC 3597 §5) @returns undefined for a type that a record cannot have */
export function otherTypeOf(
  type: string,
): { readonly name: OtherTypeName; readonly code: number } | undefined {
  const upper = type.toUpperCase()
  const shape = shapeOf(upper)
  if (shape !== undefined) return { name: upper as OtherTypeName, code: shape.code }
  const code = Number(/^TYPE(0|[1-9]\d{0,4})$/.exec(upper)?.[1])
  const isRefused = Object.values(refused).includes(code) || (code >= 128 && code <= 255)
  const isOwn = Object.entries(RecordType).some(([name, each]) => each === code && own.has(name))
  if (!(code > 0 && code < 65_535) || isRefused || isOwn) return undefined
  const known = Object.entries(shapes).find(([, each]) => each.code === code)
  return { name: (known?.[0] ?? `TYPE${code}`) as OtherTypeName, code }
}

function shapeOf(name: string): Shape | undefined {
  return Object.hasOwn(shapes, name) ? shapes[name as keyof typeof shapes] : undefined
}

/** Returns the number of any type that records have here. */
export function typeCode(type: keyof typeof RecordType | OtherTypeName): number {
  const known: Readonly<Record<string, number>> = RecordType
  return known[type] ?? shapeOf(type)?.code ?? Number(type.slice('TYPE'.length))
}

/**
 * Reads the data of a record.
 *
 * @throws {RangeError} with what was expected
 */
export function parseOtherData(type: string, text: string): OtherData {
  const found = otherTypeOf(type)
  if (found === undefined)
    throw new RangeError(`expected another type: a record cannot have the type ${type}`)
  const { name, code } = found
  const shape = shapeOf(name)
  const words = presentationWords(text)
  const isGeneric = words[0]?.text === String.raw`\#`
  if (!isGeneric && shape === undefined)
    throw new RangeError(`expected ${genericFormat}, because the format of ${name} is not known`)
  const rdata = isGeneric ? genericRdata(words) : structuredRdata(shape as Shape, words)
  if (rdata.length > maxRdataOctets)
    throw new RangeError(`expected at most ${maxRdataOctets} octets, got ${rdata.length}`)
  const formatted = shape === undefined ? undefined : formatRdata(shape, rdata)
  const problem = shape?.problem?.(rdata)
  if (problem !== undefined) throw new RangeError(problem)
  const hex = Buffer.from(rdata).toString('hex')
  return {
    type: name,
    code,
    rdata: hex,
    text: formatted ?? genericText(hex),
  }
}

/** RFC 3402 §3.2: a delimiter, an expression, a replacement, and flags. */
function substitutionProblem(rdata: Uint8Array): string | undefined {
  const reader = new Reader(rdata, 4)
  const [, , substitution = ''] = [0, 1, 2].map(() =>
    Buffer.from(reader.take(reader.u8())).toString('latin1'),
  )
  const isValid =
    substitution === '' || /^([^0-9i\\\0])(?:\\.|(?!\1)[^\\])*\1(?:\\.|(?!\1)[^\\])*\1i?$/s.test(substitution)
  return isValid
    ? undefined
    : `expected a substitution such as !^.*$!sip:info@example.net!, got ${substitution}`
}

/** RFC 4255 §3.1.2, RFC 6594 §4.1: type 1 is SHA-1, type 2 is SHA-256. */
function fingerprintProblem(rdata: Uint8Array): string | undefined {
  const octets = new Map([
    [1, 20],
    [2, 32],
  ]).get(rdata[1] as number)
  const isValid = octets === undefined || rdata.length - 2 === octets
  return isValid ? undefined : `expected a fingerprint of ${octets} octets, got ${rdata.length - 2}`
}

function structuredRdata({ fields }: Shape, words: readonly Word[]): Uint8Array {
  const left = [...words]
  const octets = fields.flatMap((field) => [...field.parse(left)])
  const [extra] = left
  if (extra !== undefined) throw new RangeError(`expected no more data at ${extra.text}`)
  return Uint8Array.from(octets)
}

/** The octets of a known type must be valid too. */
function formatRdata({ fields }: Shape, rdata: Uint8Array): string {
  try {
    const reader = new Reader(rdata)
    const words = fields.map((field) => field.format(reader)).filter((word) => word !== '')
    if (reader.remaining > 0) throw new RangeError(`expected ${reader.offset} octets, got ${rdata.length}`)
    return words.join(' ')
  } catch (error) {
    if (error instanceof MalformedPacket) throw new RangeError('expected more octets', { cause: error })
    throw error
  }
}

function genericRdata([, length, ...words]: readonly Word[]): Uint8Array {
  const hex = words.map(({ text }) => text).join('')
  const count = Number(length?.text)
  if (!/^(?:[0-9A-Fa-f]{2})*$/.test(hex) || hex.length / 2 !== count)
    throw new RangeError(`expected ${genericFormat} with as many octets as the length says`)
  return Buffer.from(hex, 'hex')
}

function genericText(hex: string): string {
  return [String.raw`\#`, String(hex.length / 2), ...(hex === '' ? [] : [hex])].join(' ')
}
