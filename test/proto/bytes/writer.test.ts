import fc from 'fast-check'
import t from 'tap'
import { Reader } from '../../../src/proto/bytes/reader.ts'
import { Writer } from '../../../src/proto/bytes/writer.ts'

t.test('fields are written in network order into the given buffer', (t) => {
  const writer = new Writer(new Uint8Array(12), 1)
  writer.u8(0x01)
  writer.u16(0x0203)
  writer.u32(0xfffefdfc)
  writer.put(Uint8Array.of(7, 8))
  writer.fill(9, 1)
  t.same([...writer.octets], [0, 1, 2, 3, 0xff, 0xfe, 0xfd, 0xfc, 7, 8, 9, 0])
  t.equal(writer.offset, 11)
  t.equal(writer.remaining, 1)
  t.end()
})

t.test('a write past the end is a bug of the caller, and nothing is written', (t) => {
  const octets = new Uint8Array(3)
  t.throws(() => new Writer(octets).u32(1), { name: 'RangeError', message: '4 octets do not fit into 3' })
  t.same([...octets], [0, 0, 0])
  t.end()
})

t.test('a reader returns the written fields', (t) => {
  fc.assert(
    fc.property(fc.nat(0xff), fc.nat(0xffff), fc.nat(0xffffffff), fc.uint8Array(), (a, b, c, rest) => {
      const writer = new Writer(new Uint8Array(7 + rest.length))
      writer.u8(a)
      writer.u16(b)
      writer.u32(c)
      writer.put(rest)
      const reader = new Reader(writer.octets)
      const same = reader.u8() === a && reader.u16() === b && reader.u32() === c
      return same && reader.take(rest.length).every((octet, index) => octet === rest[index])
    }),
  )
  t.end()
})
