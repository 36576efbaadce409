import t from 'tap'
import { isUnicastMac, macFromOctets, macOctets, parseMac, type Mac } from '../../../src/proto/address/mac.ts'

t.test('the formats of switches, hypervisors, and BMCs are the same address', (t) => {
  for (const text of ['00:00:5e:00:53:af', '00-00-5E-00-53-AF', '0000.5e00.53af', '00005E0053AF']) {
    t.equal(parseMac(text), '00:00:5e:00:53:af', text)
  }
  for (const text of [
    '',
    '00:00:5e:00:53',
    '00:00:5e:00:53:af:01',
    '00:00-5e:00:53:af',
    '00:00:5e:00:53:ag',
    '0:0:5e:0:53:af',
  ]) {
    t.equal(parseMac(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test('conversion between octets and text is lossless', (t) => {
  const octets = Uint8Array.of(9, 0x00, 0x00, 0x5e, 0x00, 0x53, 0xaf, 9)
  t.equal(macFromOctets(octets, 1), '00:00:5e:00:53:af')
  t.same(macOctets('00:00:5e:00:53:af' as Mac), octets.subarray(1, 7))
  t.end()
})

t.test('a unicast address is neither zero nor a group address', (t) => {
  const cases: [string, boolean][] = [
    ['00:00:5e:00:53:af', true],
    ['02:00:00:00:00:01', true],
    ['00:00:00:00:00:00', false],
    ['ff:ff:ff:ff:ff:ff', false],
    ['01:00:5e:00:00:01', false],
  ]
  for (const [mac, expected] of cases) t.equal(isUnicastMac(mac as Mac), expected, mac)
  t.end()
})
