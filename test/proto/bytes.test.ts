import t from 'tap'
import { Reader, Writer } from '../../src/proto/bytes.ts'
import fc from 'fast-check'

t.test('fields are read in network order, and each read moves the cursor', (t) => {
  const reader = new Reader(Uint8Array.of(0x01, 0x02, 0x03, 0xff, 0xfe, 0xfd, 0xfc, 0x09))
  t.equal(reader.u8(), 0x01)
  t.equal(reader.u16(), 0x0203)
  t.equal(reader.u32(), 0xfffefdfc, 'the highest bit is not a sign')
  t.equal(reader.remaining, 1)
  t.same(reader.take(1), Uint8Array.of(9))
  t.equal(reader.remaining, 0)
  t.end()
})

t.test('a taken part is a view of the packet, not a copy', (t) => {
  const packet = Uint8Array.of(1, 2, 3)
  const part = new Reader(packet, 1).take(2)
  packet[1] = 9
  t.equal(part[0], 9)
  t.end()
})

t.test('reading past the end is a malformed packet with the offset', (t) => {
  const cases = [
    {
      name: 'u8 at the end',
      read: (reader: Reader) => reader.u8(),
      at: 3,
      message: '1 octets expected, 0 left at octet 3',
    },
    {
      name: 'u16 over the end',
      read: (reader: Reader) => reader.u16(),
      at: 2,
      message: '2 octets expected, 1 left at octet 2',
    },
    {
      name: 'u32 over the end',
      read: (reader: Reader) => reader.u32(),
      at: 0,
      message: '4 octets expected, 3 left at octet 0',
    },
    {
      name: 'take over the end',
      read: (reader: Reader) => reader.take(3),
      at: 1,
      message: '3 octets expected, 2 left at octet 1',
    },
  ]
  for (const { name, read, at, message } of cases) {
    t.throws(
      () => read(new Reader(Uint8Array.of(1, 2, 3), at)),
      { name: 'MalformedPacket', message, offset: at },
      name,
    )
  }
  t.end()
})

t.test('an end before the end of the packet is respected', (t) => {
  const reader = new Reader(Uint8Array.of(1, 2, 3), 0, 1)
  reader.u8()
  t.throws(() => reader.u8(), { message: '1 octets expected, 0 left at octet 1' })
  t.end()
})

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
