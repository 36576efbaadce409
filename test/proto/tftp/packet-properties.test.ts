import fc from 'fast-check'
import t from 'tap'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import {
  decodePacket,
  encodePacket,
  type TftpPacket,
  encodeNetascii,
} from '../../../src/proto/tftp/packet.ts'

// Whole characters without NUL; lone surrogates cannot be encoded.
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((each) => !each.includes('\0'))
const name = text.filter((each) => each !== '' && each === each.toLowerCase())
const u16 = fc.integer({ min: 0, max: 65_535 })
const optionMap = fc
  .uniqueArray(fc.tuple(name, text), { selector: ([each]) => each, maxLength: 4 })
  .map((entries) => new Map(entries))

const anyPacket: fc.Arbitrary<TftpPacket> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('rrq' as const, 'wrq' as const),
    file: text.filter((each) => each !== ''),
    mode: name,
    options: optionMap,
  }),
  fc.record({ kind: fc.constant('data' as const), block: u16, payload: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ kind: fc.constant('ack' as const), block: u16 }),
  fc.record({ kind: fc.constant('error' as const), code: u16, message: text }),
  fc.record({ kind: fc.constant('oack' as const), options: optionMap }),
)

/** Comparable text of a packet; options in their order, payload as numbers. */
function show(packet: TftpPacket): string {
  return JSON.stringify(packet, (_key, value: unknown) => {
    if (value instanceof Map) return [...(value as Map<string, string>)]
    return value instanceof Uint8Array ? [...value] : value
  })
}

t.test('decode(encode(packet)) is the packet', (t) => {
  fc.assert(
    fc.property(anyPacket, (packet) => {
      let octets: Uint8Array
      try {
        octets = encodePacket(packet)
      } catch (error) {
        return error instanceof RangeError // longer than a request may be
      }
      return show(decodePacket(octets)) === show(packet)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('arbitrary octets are a packet or MalformedPacket', (t) => {
  const octets = fc
    .tuple(fc.integer({ min: 0, max: 8 }), fc.uint8Array({ maxLength: 40 }))
    .map(([opcode, rest]) => Uint8Array.of(0, opcode, ...rest))
  fc.assert(
    fc.property(fc.oneof(octets, fc.uint8Array({ maxLength: 8 })), (each) => {
      try {
        decodePacket(each)
        return true
      } catch (error) {
        return error instanceof MalformedPacket
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})

const netasciiCases = [
  { name: 'LF becomes CR LF (RFC 764)', from: 'a\nb', to: 'a\r\nb' },
  { name: 'CR becomes CR NUL (RFC 764)', from: 'a\rb', to: 'a\r\0b' },
  { name: 'CR LF is two characters, not a line end', from: '\r\n', to: '\r\0\r\n' },
  { name: 'line ends at the start and the end', from: '\n\n', to: '\r\n\r\n' },
  { name: 'an empty chunk stays empty', from: '', to: '' },
]

for (const { name, from, to } of netasciiCases) {
  t.test(`netascii: ${name}`, (t) => {
    t.equal(Buffer.from(encodeNetascii(Buffer.from(from, 'latin1'))).toString('latin1'), to)
    t.end()
  })
}

t.test('netascii: a chunk without line ends is returned, not copied', (t) => {
  const chunk = Uint8Array.of(1, 2, 255)
  t.equal(encodeNetascii(chunk), chunk)
  t.end()
})

// Line ends are frequent, so that pairs of them fall on the cut.
const octet = fc.oneof(fc.constantFrom(10, 13, 0), fc.integer({ min: 0, max: 255 }))
const octets = fc.array(octet, { maxLength: 60 }).map((each) => Uint8Array.from(each))

t.test('netascii: the split into chunks does not change the result', (t) => {
  fc.assert(
    fc.property(octets, fc.nat(60), (whole, at) => {
      const parts = [encodeNetascii(whole.subarray(0, at)), encodeNetascii(whole.subarray(at))]
      return Buffer.concat(parts).equals(encodeNetascii(whole))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('netascii: decoding as Telnet does returns the file', (t) => {
  fc.assert(
    fc.property(octets, (whole) => {
      const encoded = Buffer.from(encodeNetascii(whole)).toString('latin1')
      const decoded = encoded.replaceAll(/\r([\n\0])/g, (_pair, second) => (second === '\n' ? '\n' : '\r'))
      return decoded === Buffer.from(whole).toString('latin1')
    }),
    { numRuns: 200 },
  )
  t.end()
})
