import fc from 'fast-check'
import t from 'tap'
import type { Ipv4 } from '../../../src/proto/address/ip.ts'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { decodeMessage, encodeMessage, type DhcpMessage } from '../../../src/proto/dhcp/message.ts'
import { captured } from '../../support/dhcp-captures.ts'

function plain({ options, ...header }: DhcpMessage) {
  return {
    ...header,
    ignored: undefined,
    chaddr: [...header.chaddr],
    options: options.map(({ code, value }) => ({ code, value: [...value] })),
  }
}

const anyAddress = fc.nat(0xffffffff).map((value) => value as Ipv4)
const anyText = (most: number) =>
  fc
    .uint8Array({ maxLength: most })
    .map((octets) => String.fromCharCode(...octets.filter((octet) => octet !== 0)))
const anyMessage: fc.Arbitrary<DhcpMessage> = fc.record({
  op: fc.constantFrom(1, 2),
  htype: fc.nat(255),
  hlen: fc.nat(16),
  hops: fc.nat(255),
  xid: fc.nat(0xffffffff),
  secs: fc.nat(0xffff),
  flags: fc.nat(0xffff),
  ciaddr: anyAddress,
  yiaddr: anyAddress,
  siaddr: anyAddress,
  giaddr: anyAddress,
  chaddr: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  sname: anyText(63),
  file: anyText(127),
  options: fc.uniqueArray(
    fc.record({
      code: fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52),
      value: fc.uint8Array({ maxLength: 700 }),
    }),
    { selector: ({ code }) => code, maxLength: 12 },
  ),
})

t.test('property: decoding an encoded message returns the message', (t) => {
  const out = new Uint8Array(16_384)
  fc.assert(
    fc.property(anyMessage, (message) => {
      const read = decodeMessage(out.subarray(0, encodeMessage(message, out)))
      const [got, expected] = [read, message].map((each) => JSON.stringify(plain(each)))
      if (got !== expected) throw new Error(`${String(got)} is not ${String(expected)}`)
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('property: any octets are a message or MalformedPacket', (t) => {
  const whole = captured('OVMF PXE DISCOVER')
  const damaged = fc
    .tuple(fc.nat(whole.length), fc.uint8Array({ maxLength: 40 }), fc.nat(whole.length))
    .map(([at, octets, cut]) =>
      Uint8Array.from([...whole.subarray(0, at), ...octets, ...whole.subarray(cut)]),
    )
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), damaged), (octets) => {
      try {
        decodeMessage(octets)
      } catch (error) {
        if (!(error instanceof MalformedPacket)) throw error
      }
    }),
    { numRuns: 300 },
  )
  t.end()
})
