/**
 * Encodes and decodes the tar headers that an archive of images needs: regular files in the ustar format of POSIX.1-2001,
 * with pax records for long paths and large sizes. Directories are skipped; links, devices, and all other types are
 * refused. Pure.
 */
import { ImageProblem } from './codes.ts'

export const blockOctets = 512

export type TarFile = { readonly path: string; readonly octets: number; readonly modifiedSeconds: number }

/** The entry that a header describes. `pax` precedes the header that it changes. */
export type TarHeader =
  | { readonly kind: 'file'; readonly path: string; readonly octets: number }
  | { readonly kind: 'pax'; readonly octets: number }
  | { readonly kind: 'directory' }
  /** A block of zeros; two of them end an archive. */
  | { readonly kind: 'end' }

/** Values of pax records, which replace those of the next header. */
export type PaxRecords = { readonly path?: string; readonly octets?: number }

/** More than a path and a size need. */
export const maxPaxOctets = 64 * 1024

//  0      100   108   116   124    136    148    156  157     257    263    265          345      500
//  | name | mode | uid | gid | size | mtime | chksum | typeflag | linkname | magic | version | … | prefix |
const field = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  chksum: [148, 8],
  typeflag: [156, 1],
  magic: [257, 6],
  version: [263, 2],
  prefix: [345, 155],
} as const
type Field = keyof typeof field

/** The maximum of eleven octal digits. */
const maxUstarOctets = 8 ** 11 - 1

/** Returns the header blocks of a file: a pax header if ustar cannot represent it, and its header. The padded content follows. */
export function encodeHeader({ path, octets, modifiedSeconds }: TarFile): Uint8Array {
  const own = headerBlock({ path, octets: Math.min(octets, maxUstarOctets), modifiedSeconds, typeflag: '0' })
  if (encoder.encode(path).length <= field.name[1] && octets <= maxUstarOctets) return own
  const records = encoder.encode(paxRecord('path', path) + paxRecord('size', String(octets)))
  const pax = headerBlock({
    path: 'slipway/pax',
    octets: records.length,
    modifiedSeconds,
    typeflag: 'x',
  })
  return joined([pax, records, new Uint8Array(paddingAfter(records.length)), own])
}

/** Returns the number of zeros between the end of the content and the next block. */
export function paddingAfter(octets: number): number {
  return (blockOctets - (octets % blockOctets)) % blockOctets
}

/**
 * @param block of 512 octets
 * @throws {ImageProblem}
 */
export function decodeHeader(block: Uint8Array): TarHeader {
  if (block.every((octet) => octet === 0)) return { kind: 'end' }
  if (octal(block, 'chksum') !== checksum(block)) {
    throw new ImageProblem(
      'image.archive-invalid',
      'this is not a tar archive, or it is damaged: the checksum of a header is wrong',
    )
  }
  const octets = octal(block, 'size')
  const typeflag = textOf(block, 'typeflag')
  switch (typeflag) {
    case '':
    case '0': {
      const prefix = textOf(block, 'magic').startsWith('ustar') ? textOf(block, 'prefix') : ''
      const name = textOf(block, 'name')
      return { kind: 'file', path: prefix === '' ? name : `${prefix}/${name}`, octets }
    }
    case '5':
      return { kind: 'directory' }
    case 'x':
      if (octets > maxPaxOctets)
        throw new ImageProblem(
          'image.archive-invalid',

          `the archive is damaged: an extended header has ${octets} bytes, more than the maximum of ${maxPaxOctets}`,
        )
      return { kind: 'pax', octets }
    default:
      throw new ImageProblem(
        'image.archive-invalid',

        `the archive contains an entry that is not a regular file (type ${JSON.stringify(typeflag)})`,
      )
  }
}

/**
 * Decodes records `LENGTH KEY=VALUE\n`, where LENGTH counts the whole record. Keys other than path and size are
 * skipped.
 *
 * @throws {ImageProblem}
 */
export function decodePax(octets: Uint8Array): PaxRecords {
  const records: { path?: string; octets?: number } = {}
  let at = 0
  while (at < octets.length) {
    const blank = octets.indexOf(0x20, at)
    const length = blank === -1 ? NaN : decimal(decoder.decode(octets.subarray(at, blank)))
    const end = at + length
    // A record that ends before its own key would cause an endless loop.
    if (!(end > blank && end <= octets.length && octets[end - 1] === 0x0a)) {
      throw new ImageProblem(
        'image.archive-invalid',
        'the archive is damaged: an extended header does not consist of records',
      )
    }
    const record = decoder.decode(octets.subarray(blank + 1, end - 1))
    const [key, value] = [record.slice(0, record.indexOf('=')), record.slice(record.indexOf('=') + 1)]
    if (key === 'path') records.path = value
    if (key === 'size') records.octets = checkedSize(decimal(value))
    at = end
  }
  return records
}

function headerBlock({
  path,
  octets,
  modifiedSeconds,
  typeflag,
}: TarFile & { typeflag: string }): Uint8Array {
  const block = new Uint8Array(blockOctets)
  const put = (name: Field, text: string) => {
    const [start, octets] = field[name]
    block.set(encoder.encode(text).subarray(0, octets), start)
  }
  // The last octet of a numeric field terminates it.
  const number = (name: Field, value: number) =>
    put(name, value.toString(8).padStart(field[name][1] - 1, '0'))
  put('name', path)
  number('mode', 0o644)
  number('uid', 0)
  number('gid', 0)
  number('size', octets)
  number('mtime', modifiedSeconds)
  put('typeflag', typeflag)
  put('magic', 'ustar')
  put('version', '00')
  put('chksum', `${checksum(block).toString(8).padStart(6, '0')}\0 `)
  return block
}

/** Returns the sum of all octets of the header, with blanks in place of the checksum. */
function checksum(block: Uint8Array): number {
  const [start, octets] = field.chksum
  return block.reduce((sum, octet, at) => sum + (at >= start && at < start + octets ? 0x20 : octet), 0)
}

function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const octets = encoder.encode(rest).length
  // LENGTH includes its own digits.
  let length = octets + String(octets).length
  length = octets + String(length).length
  return `${length}${rest}`
}

function textOf(block: Uint8Array, name: Field): string {
  const [start, octets] = field[name]
  const whole = block.subarray(start, start + octets)
  const end = whole.indexOf(0)
  return decoder.decode(end === -1 ? whole : whole.subarray(0, end))
}

function octal(block: Uint8Array, name: Field): number {
  const digits = textOf(block, name).trim()
  if (!/^[0-7]+$/.test(digits))
    throw new ImageProblem(
      'image.archive-invalid',
      `this is not a tar archive, or it is damaged: a header has no ${name}`,
    )
  return Number.parseInt(digits, 8)
}

function decimal(digits: string): number {
  return /^\d{1,16}$/.test(digits) ? Number(digits) : NaN
}

function checkedSize(octets: number): number {
  if (!Number.isSafeInteger(octets))
    throw new ImageProblem('image.archive-invalid', 'the archive is damaged: a size is not a number')
  return octets
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
