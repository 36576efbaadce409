import fc from 'fast-check'
import t from 'tap'
import { MalformedPacket } from '../../../src/proto/bytes/malformed.ts'
import { decodePacket, encodePacket, type TftpPacket } from '../../../src/proto/tftp/packet.ts'

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
