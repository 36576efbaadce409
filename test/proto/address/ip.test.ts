import { isIPv6 } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import { formatIp, isIpv4, parseIp } from '../../../src/proto/address/ip.ts'
import { ipv6Octets, parseIpv6, type Ipv6 } from '../../../src/proto/address/ipv6.ts'

t.test('IPv6 text becomes its canonical form (RFC 5952 §4)', (t) => {
  const cases: [string, string][] = [
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['fd00::', 'fd00::'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
  ]
  for (const [text, canonical] of cases) t.equal(parseIpv6(text), canonical, text)
  t.end()
})

t.test('text that is not an IPv6 address is refused', (t) => {
  const refused = [
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3',
    '::1.2.3.256',
    '1.2.3.4',
    '::01.2.3.4',
  ]
  for (const text of refused) t.equal(parseIpv6(text), undefined, JSON.stringify(text))
  t.end()
})

t.test('parsing agrees with Node, and is stable', (t) => {
  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
  const sparse = fc.array(fc.constantFrom(0, 0, 0, 1, 0xabcd), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(fc.oneof(groups, sparse), (values) => {
      const text = values.map((value) => value.toString(16)).join(':')
      const canonical = parseIpv6(text) as Ipv6
      const octets = [...ipv6Octets(canonical)]
      return (
        isIPv6(canonical) &&
        parseIpv6(canonical) === canonical &&
        values.every(
          (value, index) => value === (octets[2 * index] as number) * 256 + (octets[2 * index + 1] as number),
        )
      )
    }),
  )
  fc.assert(
    fc.property(
      fc.stringMatching(/^[0-9a-f:.]{0,40}$/),
      (text) => (parseIpv6(text) !== undefined) === isIPv6(text),
    ),
  )
  t.end()
})

t.test('typeof distinguishes the families', (t) => {
  t.equal(formatIp(parseIp('172.16.0.1')!), '172.16.0.1')
  t.equal(formatIp(parseIp('FD00::1')!), 'fd00::1')
  t.equal(isIpv4(parseIp('172.16.0.1')!), true)
  t.equal(isIpv4(parseIp('::1')!), false)
  t.equal(parseIp('m1'), undefined)
  t.end()
})
