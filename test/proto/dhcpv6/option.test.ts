import t from 'tap'
import type { Ipv6 } from '../../../src/proto/address/ip.ts'
import { MalformedPacket, Writer } from '../../../src/proto/bytes.ts'
import { hex } from '../../support/hex.ts'
import {
  decodeAssociation,
  encodeAddresses,
  firstValue,
  OptionCode,
  putAssociation,
  putStatus,
  StatusCode,
} from '../../../src/proto/dhcpv6/option.ts'

const address = hex('fd000016000000000000000000000021')

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer(new Uint8Array(200))
  write(writer)
  return writer.octets.subarray(0, writer.offset)
}

t.test('RFC 8415 §21.4: an IA_NA has an identifier, two times, and addresses', (t) => {
  const value = hex(
    '00000001 00000e10 00001518 0005 0018 fd000016000000000000000000000021 00015180 00015180 000d 0002 0000',
  )
  t.same(decodeAssociation(value), { iaid: hex('00000001'), addresses: [address] })
  t.throws(() => decodeAssociation(value.subarray(0, 11)), MalformedPacket, 'a time is missing')
  t.throws(() => decodeAssociation(hex('00000001 00000000 00000000 0005 0004 fd000016')), MalformedPacket)
  t.end()
})

t.test('RFC 8415 §21.6: an address with its lifetimes', (t) => {
  const addresses = [{ address, preferred: 3600, valid: 7200 }]
  const octets = written((writer) =>
    putAssociation(writer, OptionCode.iaNa, hex('00000001'), { t1: 1800, t2: 2880 }, { addresses }),
  )
  t.same(
    octets,
    hex('0003 0028 00000001 00000708 00000b40 0005 0018 fd000016000000000000000000000021 00000e10 00001c20'),
  )
  t.same(decodeAssociation(octets.subarray(4)).addresses, [address])
  t.end()
})

t.test('RFC 8415 §21.13: a status has a code and a text', (t) => {
  t.same(
    written((writer) => putStatus(writer, StatusCode.notOnLink, 'no')),
    hex('000d 0004 0004 6e6f'),
  )
  const status = { code: StatusCode.noBinding, message: 'no' }
  t.same(
    written((writer) =>
      putAssociation(writer, OptionCode.iaNa, hex('00000001'), { t1: 0, t2: 0 }, { addresses: [], status }),
    ),
    hex('0003 0014 00000001 00000000 00000000 000d 0004 0003 6e6f'),
  )
  t.end()
})

t.test('the first option of a code counts', (t) => {
  const options = [
    { code: 8, value: hex('0001') },
    { code: 8, value: hex('0002') },
  ]
  t.same(firstValue(options, 8), hex('0001'))
  t.equal(firstValue(options, 9), undefined)
  t.same(encodeAddresses(['fd00::1' as Ipv6]), hex('fd000000000000000000000000000001'))
  t.end()
})
