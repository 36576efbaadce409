import fc from 'fast-check'
import t from 'tap'
import {
  type Cidr,
  type Ipv4,
  type Ipv6,
  cidrContains,
  formatCidr,
  formatIp,
  formatIpv4,
  ipv4Octets,
  ipv6Octets,
  isHostAddress,
  isIpv4,
  parseCidr,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseLooseCidr,
} from '../../../src/proto/address/ip.ts'
import { isIPv6 } from 'node:net'

const address = (text: string): Ipv4 => parseIpv4(text) as Ipv4
const network = (text: string): Cidr => parseCidr(text) as Cidr

t.test('an address is four decimal octets, nothing else', (t) => {
  t.equal(parseIpv4('172.16.0.101'), 0xac100065)
  t.equal(parseIpv4('255.255.255.255'), 0xffffffff, 'unsigned')
  t.equal(parseIpv4('0.0.0.0'), 0)
  const refused = [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '010.0.0.1',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1..3.4',
    '0x1.2.3.4',
    '1.2.3.1e1',
  ]
  for (const text of refused) t.equal(parseIpv4(text), undefined, JSON.stringify(text))
  t.same([...ipv4Octets(address('172.16.0.101'))], [172, 16, 0, 101])
  t.end()
})

t.test('parse(format(address)) is the address', (t) => {
  fc.assert(fc.property(fc.nat(0xffffffff), (value) => parseIpv4(formatIpv4(value as Ipv4)) === value))
  t.end()
})

t.test('a network has a prefix and no host bits (RFC 4632)', (t) => {
  t.same(parseCidr('172.16.0.0/24'), {
    network: address('172.16.0.0'),
    prefix: 24,
    mask: address('255.255.255.0'),
    broadcast: address('172.16.0.255'),
  })
  t.equal(network('0.0.0.0/0').mask, 0)
  t.equal(network('0.0.0.0/0').broadcast, 0xffffffff)
  t.equal(formatCidr(network('10.0.0.0/8')), '10.0.0.0/8')
  for (const text of [
    '172.16.0.0',
    '172.16.0.1/24',
    '172.16.0.0/33',
    '172.16.0.0/',
    '172.16.0.0/08',
    '/24',
    'x/24',
    '172.16.0.0/24/1',
  ]) {
    t.equal(parseCidr(text), undefined, JSON.stringify(text))
  }
  t.end()
})

t.test(
  'host addresses exclude the network and the broadcast address, except where there are none (RFC 3021)',
  (t) => {
    const cases: [string, string, boolean][] = [
      ['172.16.0.0/24', '172.16.0.1', true],
      ['172.16.0.0/24', '172.16.0.254', true],
      ['172.16.0.0/24', '172.16.0.0', false],
      ['172.16.0.0/24', '172.16.0.255', false],
      ['172.16.0.0/24', '172.16.1.1', false],
      ['192.0.2.0/31', '192.0.2.0', true],
      ['192.0.2.7/32', '192.0.2.7', true],
      ['128.0.0.0/1', '255.255.255.254', true],
    ]
    for (const [cidr, host, expected] of cases)
      t.equal(isHostAddress(network(cidr), address(host)), expected, `${host} in ${cidr}`)
    t.equal(cidrContains(network('172.16.0.0/24'), address('172.16.0.255')), true)
    t.end()
  },
)

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

t.test('an address with a prefix or a netmask gives its network', (t) => {
  const cases: readonly (readonly [text: string, network: string | undefined])[] = [
    ['10.1.16.9/16', '10.1.0.0/16'],
    ['10.1.16.9/255.255.0.0', '10.1.0.0/16'],
    ['10.1.16.9/32', '10.1.16.9/32'],
    ['10.1.16.9/255.255.255.255', '10.1.16.9/32'],
    ['10.1.16.9/0', '0.0.0.0/0'],
    ['10.1.16.9/0.0.0.0', '0.0.0.0/0'],
    ['10.1.16.9/33', undefined],
    ['10.1.16.9/255.0.255.0', undefined],
    ['10.1.16.9/sixteen', undefined],
    ['10.1.16.9', undefined],
    ['10.1.16/16', undefined],
  ]
  for (const [text, network] of cases) {
    const parsed = parseLooseCidr(text)
    t.equal(parsed && formatCidr(parsed), network, text)
  }
  t.end()
})
