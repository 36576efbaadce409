/** The parameters of SVCB and HTTPS records (RFC 9460 §2, §7, appendix A; `dohpath`: RFC 9461). */
import { Reader } from '../bytes.ts'
import {
  formatIpv4,
  ipv4Octets,
  ipv6Octets,
  parseIpv4,
  parseIpv6,
  type Ipv4,
  type Ipv6,
} from '../address/ip.ts'
import type { Field } from './rdata-field.ts'
import { quotedText, type Word } from './words.ts'

type Parameter = { readonly key: number; readonly value: Uint8Array }

/** A name's position is its number. */
const names = ['mandatory', 'alpn', 'no-default-alpn', 'port', 'ipv4hint', 'ech', 'ipv6hint', 'dohpath']
const key = { mandatory: 0, alpn: 1, noDefaultAlpn: 2, port: 3, ipv4hint: 4, ech: 5, ipv6hint: 6 } as const

export const parametersField: Field = {
  parse(words) {
    const parameters = words.splice(0).map(parseParameter)
    parameters.sort((a, b) => a.key - b.key)
    const repeated = parameters.find((each, index) => each.key === parameters[index + 1]?.key)
    if (repeated !== undefined) throw new RangeError(`expected ${nameOf(repeated.key)} once`)
    return Uint8Array.from(
      parameters.flatMap((each) => [...u16(each.key), ...u16(each.value.length), ...each.value]),
    )
  },
  format(reader) {
    const words: string[] = []
    for (let last = -1; reader.remaining > 0;) {
      const number = reader.u16()
      if (number <= last) throw new RangeError('expected parameters in the order of their keys')
      words.push(formatParameter({ key: number, value: reader.take(reader.u16()) }))
      last = number
    }
    return words.join(' ')
  },
}

function nameOf(number: number): string {
  return names[number] ?? `key${number}`
}

function numberOf(name: string): number {
  const index = names.indexOf(name)
  if (index >= 0) return index
  const number = Number(/^key(0|[1-9]\d{0,4})$/.exec(name)?.[1])
  // 65535 is reserved as an invalid key (RFC 9460 §14.3.2).
  if (!(number < 65_535)) throw new RangeError(`expected the key of a parameter, got ${name.slice(0, 20)}`)
  return number
}

function parseParameter({ octets }: Word): Parameter {
  const text = Buffer.from(octets).toString('latin1')
  const [name = '', given] = text.split(/=([^]*)/)
  const number = numberOf(name)
  const value = valueOctets(number, (given ?? '').replace(/^"([^]*)"$/, '$1'))
  if (value.length === 0 && number !== key.noDefaultAlpn && number < names.length)
    throw new RangeError(`expected a value of ${name}`)
  return { key: number, value }
}

function valueOctets(number: number, text: string): Uint8Array {
  const list = text === '' ? [] : text.split(',')
  const wrong = (expected: string): RangeError =>
    new RangeError(`expected ${expected} for ${nameOf(number)}, got ${text}`)
  switch (number) {
    case key.mandatory: {
      const keys = list.map(numberOf).sort((a, b) => a - b)
      if (new Set(keys).size < keys.length || keys[0] === key.mandatory) throw wrong('other keys, each once,')
      return Uint8Array.from(keys.flatMap(u16))
    }
    case key.alpn:
      if (list.some((id) => id === '' || id.length > 255)) throw wrong('protocols such as h2,h3')
      return Uint8Array.from(list.flatMap((id) => [id.length, ...Buffer.from(id, 'latin1')]))
    case key.noDefaultAlpn:
      if (text !== '') throw wrong('no value')
      return new Uint8Array()
    case key.port:
      if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw wrong('a port')
      return Uint8Array.from(u16(Number(text)))
    case key.ipv4hint:
      return Uint8Array.from(list.flatMap((each) => [...addressOctets(parseIpv4(each), ipv4Octets, wrong)]))
    case key.ipv6hint:
      return Uint8Array.from(list.flatMap((each) => [...addressOctets(parseIpv6(each), ipv6Octets, wrong)]))
    case key.ech: {
      const octets = Buffer.from(text, 'base64')
      if (octets.toString('base64') !== text) throw wrong('octets in base64')
      return octets
    }
    default:
      return Buffer.from(text, 'latin1')
  }
}

function addressOctets<T>(
  address: T | undefined,
  octetsOf: (address: T) => Uint8Array,
  wrong: (expected: string) => RangeError,
): Uint8Array {
  if (address === undefined) throw wrong('addresses')
  return octetsOf(address)
}

function formatParameter({ key: number, value }: Parameter): string {
  const reader = new Reader(value)
  const list: string[] = []
  const name = nameOf(number)
  switch (number) {
    case key.noDefaultAlpn:
      if (value.length > 0) throw new RangeError(`expected no value of ${name}`)
      return name
    case key.mandatory:
      while (reader.remaining > 0) list.push(nameOf(reader.u16()))
      return `${name}=${list.join(',')}`
    case key.alpn:
      while (reader.remaining > 0) list.push(Buffer.from(reader.take(reader.u8())).toString('latin1'))
      return `${name}=${quotedText(Buffer.from(list.join(','), 'latin1'))}`
    case key.port: {
      const port = reader.u16()
      if (reader.remaining > 0) throw new RangeError('expected a port of 2 octets')
      return `${name}=${port}`
    }
    case key.ipv4hint:
      while (reader.remaining > 0) list.push(formatIpv4(reader.u32() as Ipv4))
      return `${name}=${list.join(',')}`
    case key.ipv6hint:
      while (reader.remaining > 0) list.push(formatIpv6(reader))
      return `${name}=${list.join(',')}`
    case key.ech:
      return `${name}=${Buffer.from(value).toString('base64')}`
    default:
      return value.length === 0 ? name : `${name}=${quotedText(value)}`
  }
}

function formatIpv6(reader: Reader): string {
  const groups = Array.from({ length: 8 }, () => reader.u16().toString(16))
  return parseIpv6(groups.join(':')) as Ipv6
}

function u16(number: number): [number, number] {
  return [number >>> 8, number & 0xff]
}
