import t from 'tap'
import type { Mac } from '../../../src/proto/address/mac.ts'
import {
  duidOctets,
  formatDuid,
  linkLayerDuid,
  macOfDuid,
  parseDuid,
  uuidDuid,
  type Duid,
} from '../../../src/proto/dhcpv6/duid.ts'

const octets = (text: string): Uint8Array => duidOctets(parseDuid(text) as Duid)

t.test('RFC 8415 §11: a DUID is its octets', (t) => {
  const text = '00:03:00:01:52:54:00:00:00:01'
  for (const spelling of [
    text,
    '00 03 00 01 52 54 00 00 00 01',
    '0003000152540000'.concat('0001'),
    text.replaceAll(':', '-'),
  ]) {
    t.equal(parseDuid(spelling), text, spelling)
  }
  t.equal(formatDuid(octets(text)), text)
  const longest = '00:04' + ':ff'.repeat(128)
  t.equal(parseDuid(longest), longest)
  for (const wrong of ['', '00:03', `${longest}:ff`, '0:3:0', '00:03:0g'])
    t.equal(parseDuid(wrong), undefined, wrong)
  t.end()
})

t.test('RFC 8415 §11.2 and §11.4: a DUID-LLT and a DUID-LL have the MAC address', (t) => {
  t.equal(macOfDuid(octets('00:01:00:01:2c:00:00:00:52:54:00:00:00:01')), '52:54:00:00:00:01')
  t.equal(macOfDuid(linkLayerDuid('52:54:00:00:00:01' as Mac)), '52:54:00:00:00:01')
  const without = {
    'RFC 8415 §11.3: an enterprise number': '00:02:00:00:ab:11:52:54:00:00:00:01',
    'RFC 6355 §4: a UUID': formatDuid(uuidDuid(new Uint8Array(16))),
    InfiniBand: '00:03:00:20:52:54:00:00:00:01',
    'a shorter address': '00:03:00:01:52:54:00:00:00',
    'a longer address': '00:03:00:01:52:54:00:00:00:01:02',
    'no time': '00:01:00:01:52:54:00:00:00:01',
    'three octets': '00:03:00',
  }
  for (const [name, duid] of Object.entries(without)) t.equal(macOfDuid(octets(duid)), undefined, name)
  t.equal(macOfDuid(new Uint8Array(0)), undefined)
  t.end()
})
