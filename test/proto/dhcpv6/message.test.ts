import fc from 'fast-check'
import t from 'tap'
import { ipv6FromOctets, type Ipv6 } from '../../../src/proto/address/ip.ts'
import { MalformedPacket } from '../../../src/proto/bytes.ts'
import { hex } from '../../support/hex.ts'
import {
  decodeMessage,
  encodeMessage,
  MessageType,
  type ClientMessage,
  type RelayMessage,
} from '../../../src/proto/dhcpv6/message.ts'
import { OptionCode } from '../../../src/proto/dhcpv6/option.ts'

t.test('RFC 8415 §8: a type, a transaction, and options', (t) => {
  const message = decodeMessage(hex('01 a1b2c3 0008 0002 0064 000e 0000'))
  t.same(message, {
    kind: 'client',
    type: MessageType.solicit,
    transactionId: 0xa1b2c3,
    options: [
      { code: OptionCode.elapsedTime, value: hex('0064') },
      { code: OptionCode.rapidCommit, value: new Uint8Array(0) },
    ],
  })
  t.end()
})

t.test('RFC 8415 §9: a relay message has two addresses', (t) => {
  const link = 'fd000016000000000000000000000001'
  const peer = 'fe800000000000000000000000000002'
  t.same(decodeMessage(hex(`0c 01 ${link} ${peer} 0012 0002 6531`)), {
    kind: 'relay',
    type: MessageType.relayForward,
    hopCount: 1,
    linkAddress: 'fd00:16::1',
    peerAddress: 'fe80::2',
    options: [{ code: OptionCode.interfaceId, value: hex('6531') }],
  })
  t.throws(
    () => decodeMessage(hex(`0c 09 ${link} ${peer}`)),
    new MalformedPacket('hop count 9 is above 8', 1),
  )
  t.throws(() => decodeMessage(hex(`0d 00 ${link}`)), MalformedPacket, 'the peer address is missing')
  t.end()
})

t.test('what is not a message', (t) => {
  for (const [name, packet] of Object.entries({
    nothing: '',
    'a type only': '01',
    'half of a transaction': '01 a1b2',
    'half of an option code': '01 a1b2c3 00',
    'an option without its length': '01 a1b2c3 0008',
    'an option longer than the packet': '01 a1b2c3 0008 0003 0064',
  })) {
    t.throws(() => decodeMessage(hex(packet)), MalformedPacket, name)
  }
  t.throws(() => decodeMessage(hex(`01 a1b2c3 ${'000e 0000'.repeat(129)}`)), /more than 128 options/)
  t.end()
})

const octets = (max: number) => fc.uint8Array({ maxLength: max })
const options = fc.array(fc.record({ code: fc.nat(0xffff), value: octets(40) }), { maxLength: 12 })
const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((each): Ipv6 => ipv6FromOctets(each))
const client: fc.Arbitrary<ClientMessage> = fc.record({
  kind: fc.constant('client' as const),
  type: fc.constantFrom(...Object.values(MessageType).filter((type) => type < 12)),
  transactionId: fc.nat(0xffffff),
  options,
})
const relay: fc.Arbitrary<RelayMessage> = fc.record({
  kind: fc.constant('relay' as const),
  type: fc.constantFrom(MessageType.relayForward, MessageType.relayReply),
  hopCount: fc.nat(8),
  linkAddress: address,
  peerAddress: address,
  options,
})

t.test('every message is decoded as it was encoded', (t) => {
  fc.assert(
    fc.property(fc.oneof(client, relay), (message) => {
      t.same(decodeMessage(encodeMessage(message)), message)
    }),
    { numRuns: 300 },
  )
  t.end()
})

t.test('any octets are a message or a MalformedPacket', (t) => {
  fc.assert(
    fc.property(octets(120), (packet) => {
      try {
        const message = decodeMessage(packet)
        t.same(encodeMessage(message), packet)
      } catch (error) {
        t.type(error, MalformedPacket)
      }
    }),
    { numRuns: 500 },
  )
  t.end()
})
