import t from 'tap'
import { hex } from '../../support/hex.ts'
import {
  decodeClasses,
  decodeLinkLayerAddress,
  decodeNames,
  decodeNumbers,
  decodeVendorClasses,
  encodeClasses,
  encodeFqdn,
  encodeNames,
  encodeNumbers,
  encodeVendorClass,
  intelEnterprise,
} from '../../../src/proto/dhcpv6/values.ts'

t.test('RFC 8415 §21.7 and RFC 5970 §3.3: numbers have two octets each', (t) => {
  t.same(decodeNumbers(hex('0017 003b')), [23, 59])
  t.same(decodeNumbers(hex('0017 00')), [23], 'an odd octet is ignored')
  t.same(decodeNumbers(hex('')), [])
  t.same(encodeNumbers([23, 300]), hex('0017 012c'))
  t.end()
})

t.test('RFC 8415 §21.15 and §21.16: classes have a length each', (t) => {
  t.same(decodeClasses(hex('0004 69505845')), ['iPXE'])
  t.same(decodeClasses(encodeClasses(['iPXE', 'x'])), ['iPXE', 'x'])
  t.same(decodeClasses(hex('0001 61 0009 69')), ['a'], 'a class that is cut off is ignored')
  t.same(decodeClasses(hex('69')), [])
  t.same(encodeVendorClass(intelEnterprise, ['PXE']), hex('00000157 0003 505845'))
  t.same(decodeVendorClasses(hex('00000157 0003 505845')), ['PXE'])
  t.same(decodeVendorClasses(hex('0000')), [])
  t.end()
})

t.test('RFC 3646 §4 and RFC 4704 §4: names are not compressed', (t) => {
  t.same(encodeNames(['a.bc', 'd']), hex('0161 026263 00 0164 00'))
  t.same(encodeFqdn('a.bc'), hex('04 0161 026263 00'))
  t.end()
})

t.test('RFC 6939 §4: the link-layer address that a relay agent adds', (t) => {
  t.equal(decodeLinkLayerAddress(hex('0001 525400000001')), '52:54:00:00:00:01')
  for (const wrong of ['0020 525400000001', '0101 525400000001', '0001 5254000000', '']) {
    t.equal(decodeLinkLayerAddress(hex(wrong)), undefined, wrong)
  }
  t.end()
})

t.test('RFC 8415 §10: names are decoded, and one that is cut off is malformed', (t) => {
  const names = ['ocp45.example.net', 'example.net']
  t.same(decodeNames(encodeNames(names)), names)
  t.same(decodeNames(new Uint8Array(0)), [])
  t.throws(() => decodeNames(encodeNames(names).subarray(0, 5)), { name: 'MalformedPacket' })
  t.end()
})
