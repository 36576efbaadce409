import t from 'tap'
import { ipv6Octets, parseCidr, parseIpv6, type Cidr, type Ipv6 } from '../../../src/proto/address/ip.ts'
import {
  cidr6Contains,
  cidr6Overlaps,
  formatCidr6,
  isInNetworks,
  isLinkLocal,
  isUnicast6,
  macFromEui64,
  parseCidr6,
  parseLooseCidr6,
  type Cidr6,
} from '../../../src/proto/address/network6.ts'

const octets = (text: string): Uint8Array => ipv6Octets(parseIpv6(text) as Ipv6)
const network = (text: string): Cidr6 => parseCidr6(text) as Cidr6

t.test('a network has a prefix and no host bits', (t) => {
  for (const text of ['fd00:16::/64', '::/0', '2001:db8::1/128', 'fd00:8000::/17']) {
    t.equal(formatCidr6(network(text)), text)
  }
  for (const text of [
    'fd00:16::101/64',
    'fd00::',
    'fd00::/129',
    'fd00::/064',
    'fd00::/',
    '172.16.0.0/24',
    'fd00::/64/1',
  ]) {
    t.equal(parseCidr6(text), undefined, text)
  }
  t.equal(parseCidr6('FD00:0016::/64')?.network, 'fd00:16::', 'canonical')
  t.equal(parseLooseCidr6('fd00:16::101/64')?.network, 'fd00:16::')
  t.equal(parseLooseCidr6('fd00:16::ffff/121')?.network, 'fd00:16::ff80')
  t.end()
})

t.test('a network contains the addresses with its prefix', (t) => {
  t.ok(cidr6Contains(network('fd00:16::/64'), octets('fd00:16::ffff')))
  t.notOk(cidr6Contains(network('fd00:16::/64'), octets('fd00:16:0:1::1')))
  t.ok(cidr6Contains(network('fd00:8000::/17'), octets('fd00:ffff::1')))
  t.notOk(cidr6Contains(network('fd00:8000::/17'), octets('fd00:7fff::1')))
  t.ok(cidr6Contains(network('::/0'), octets('2001:db8::1')))
  t.ok(cidr6Overlaps(network('fd00::/16'), network('fd00:16::/64')))
  t.ok(cidr6Overlaps(network('fd00:16::/64'), network('fd00::/16')))
  t.notOk(cidr6Overlaps(network('fd00:16::/64'), network('fd00:17::/64')))
  t.end()
})

t.test('kinds of addresses (RFC 4291 §2.4)', (t) => {
  for (const text of ['fe80::1', 'febf::1']) t.ok(isLinkLocal(octets(text)), text)
  for (const text of ['fd00::1', 'fec0::1', 'fe00::1']) t.notOk(isLinkLocal(octets(text)), text)
  for (const text of ['fd00::1', '2001:db8::', '1::']) t.ok(isUnicast6(octets(text)), text)
  for (const text of ['::', '::1', 'ff02::1:2', 'fe80::1']) t.notOk(isUnicast6(octets(text)), text)
  t.end()
})

t.test('RFC 4291, Appendix A: a modified EUI-64 has the MAC address', (t) => {
  t.equal(macFromEui64(octets('fe80::5054:ff:fe12:3456')), '52:54:00:12:34:56')
  t.equal(macFromEui64(octets('fe80::250:56ff:fe96:11c2')), '00:50:56:96:11:c2')
  t.equal(macFromEui64(octets('fe80::1')), undefined, 'a random interface identifier')
  t.equal(macFromEui64(octets('fe80::5054:ff:ff12:3456')), undefined)
  t.end()
})

t.test('an address is in networks of its version of IP', (t) => {
  const networks = [parseCidr('192.0.2.0/24') as Cidr, network('fd00:16::/64')]
  t.ok(isInNetworks(networks, '192.0.2.7'))
  t.ok(isInNetworks(networks, 'fd00:16::7'))
  for (const other of ['198.51.100.7', 'fd00:17::7', 'name']) t.notOk(isInNetworks(networks, other), other)
  t.end()
})
