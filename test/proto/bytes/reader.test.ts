import t from 'tap'
import { Reader } from '../../../src/proto/bytes/reader.ts'

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
