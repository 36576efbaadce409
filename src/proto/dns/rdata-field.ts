/** The fields of RDATA in presentation format, as octets and back. */
import type { Reader } from '../bytes.ts'
import { encodeName, formatName, maxLabelOctets } from './name.ts'
import { quotedText, type Word } from './words.ts'

export type Field = {
  /** Removes the words of the field from the list. @throws {RangeError} with what was expected */
  readonly parse: (words: Word[]) => Uint8Array
  /** @throws {RangeError} for octets that the field cannot have */
  readonly format: (reader: Reader) => string
}

/** @throws {RangeError} when there is no word left */
export function nextWord(words: Word[], expected: string): Word {
  const word = words.shift()
  if (word === undefined) throw new RangeError(`expected ${expected} at the end`)
  return word
}

export function numberField(bits: 8 | 16): Field {
  const max = 2 ** bits - 1
  return {
    parse(words) {
      const { text } = nextWord(words, `a number from 0 to ${max}`)
      const value = Number(text)
      if (!/^\d{1,5}$/.test(text) || value > max)
        throw new RangeError(`expected a number from 0 to ${max}, got ${text}`)
      return bits === 8 ? Uint8Array.of(value) : Uint8Array.of(value >>> 8, value & 0xff)
    },
    format: (reader) => String(bits === 8 ? reader.u8() : reader.u16()),
  }
}

/** A character-string: one octet of length, then up to 255 octets (RFC 1035 §3.3). */
export const stringField: Field = {
  parse(words) {
    const { octets, text } = nextWord(words, 'text')
    if (octets.length > 255)
      throw new RangeError(`expected text of up to 255 octets, got ${text.slice(0, 20)}`)
    return Uint8Array.of(octets.length, ...octets)
  },
  format: (reader) => quotedText(reader.take(reader.u8())),
}

const wholeName = /^(?=.{1,254}$)(?:\.|(?:[A-Za-z0-9_*-]{1,63}\.)*[A-Za-z0-9_*-]{1,63}\.?)$/

/** Names are complete: there is no origin that could be added. */
export const nameField: Field = {
  parse(words) {
    const { text } = nextWord(words, 'a name')
    if (!wholeName.test(text)) throw new RangeError(`expected a name, got ${text.slice(0, 60)}`)
    return encodeName(text.replace(/\.$/, ''))
  },
  format(reader) {
    const octets: number[] = []
    for (let length = reader.u8(); length > 0; length = reader.u8()) {
      if (length > maxLabelOctets) throw new RangeError('expected a name without compression')
      octets.push(length, ...reader.take(length))
    }
    return octets.length === 0 ? '.' : `${formatName(Uint8Array.of(...octets, 0), 0)}.`
  },
}

export const hexField: Field = {
  parse(words) {
    const text = words
      .splice(0)
      .map((word) => word.text)
      .join('')
    if (!/^(?:[0-9A-Fa-f]{2})+$/.test(text)) throw new RangeError('expected octets in hexadecimal')
    return Buffer.from(text, 'hex')
  },
  format: (reader) => Buffer.from(reader.take(reader.remaining)).toString('hex'),
}

export const base64Field: Field = {
  parse(words) {
    const text = words
      .splice(0)
      .map((word) => word.text)
      .join('')
    const octets = Buffer.from(text, 'base64')
    if (octets.length === 0 || octets.toString('base64') !== text)
      throw new RangeError('expected octets in base64')
    return octets
  },
  format: (reader) => Buffer.from(reader.take(reader.remaining)).toString('base64'),
}

/** Text up to the end of the data, without a length. */
export const textField: Field = {
  parse(words) {
    const { octets } = nextWord(words, 'text in quotes')
    if (octets.length === 0) throw new RangeError('expected text in quotes')
    return octets
  },
  format: (reader) => quotedText(reader.take(reader.remaining)),
}
