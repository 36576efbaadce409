import t from 'tap'
import { Writer } from '../../../src/proto/bytes.ts'
import { checkedValue, optionOctets, putOption } from '../../../src/proto/dhcp/option.ts'

const parts = [
  { octets: 0, written: 2 },
  { octets: 1, written: 3 },
  { octets: 255, written: 257 },
  { octets: 256, written: 260 },
  { octets: 510, written: 514 },
  { octets: 511, written: 517 },
]
for (const { octets, written } of parts) {
  t.test(`RFC 3396 §5: ${octets} octets take ${written} in a message`, (t) => {
    const writer = new Writer(new Uint8Array(600))
    putOption(writer, 119, new Uint8Array(octets))
    t.equal(writer.offset, written)
    t.equal(optionOctets(octets), written)
    t.end()
  })
}

t.test('a value can be written in part', (t) => {
  const writer = new Writer(new Uint8Array(8))
  putOption(writer, 6, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4)
  t.same([...writer.octets.subarray(0, writer.offset)], [6, 4, 1, 2, 3, 4])
  t.end()
})

const lengths = [
  { name: 'RFC 2132 §9.6: one octet', code: 53, good: [1], bad: [0, 2], expected: '1' },
  { name: 'RFC 2132 §9.10: two octets', code: 57, good: [2], bad: [0, 1, 3, 4], expected: '2' },
  { name: 'RFC 2132 §9.2: four octets of seconds', code: 51, good: [4], bad: [0, 3, 8], expected: '4' },
  { name: 'RFC 2132 §9.1: one address', code: 50, good: [4], bad: [0, 3, 8], expected: '4' },
  {
    name: 'RFC 2132 §3.5: one address or more',
    code: 3,
    good: [4, 8, 252],
    bad: [0, 2, 6],
    expected: 'a multiple of 4, at least 4',
  },
  {
    name: 'RFC 4578 §2.1: pairs of octets',
    code: 93,
    good: [2, 4],
    bad: [0, 1, 3],
    expected: 'a multiple of 2, at least 2',
  },
  { name: 'text and octets of any length', code: 60, good: [0, 1, 255], bad: [], expected: '' },
  { name: 'options that are not in the table', code: 224, good: [0, 1, 255], bad: [], expected: '' },
]
for (const { name, code, good, bad, expected } of lengths) {
  t.test(`${name}: other lengths are malformed`, (t) => {
    for (const octets of good) {
      const value = new Uint8Array(octets)
      t.equal(checkedValue({ code, value }), value)
    }
    for (const octets of bad) {
      t.throws(() => checkedValue({ code, value: new Uint8Array(octets), offset: 300 }), {
        name: 'MalformedPacket',
        message: new RegExp(
          `^option ${code} \\(.+\\) has ${octets} octets, expected ${expected} at octet 300$`,
        ),
      })
    }
    t.end()
  })
}

t.test('an option of a message to be encoded has no offset', (t) => {
  const error = {
    name: 'MalformedPacket',
    message: 'option 53 (DHCP Msg Type) has 0 octets, expected 1 at octet 0',
  }
  t.throws(() => checkedValue({ code: 53, value: new Uint8Array() }), error)
  t.end()
})
