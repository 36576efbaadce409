import t from 'tap'
import {
  decodeRouterAdvertisement,
  encodeRouterSolicitation,
} from '../../../src/proto/icmpv6/router-discovery.ts'
import { hex } from '../../support/hex.ts'

/** Of radvd 2.19: flags M and O, a lifetime of 1800 s, a source link-layer address, and fd00:16::/64 with the flags L and A. */
const advertisement = hex(
  '8600 0000 40c0 0708 00000000 00000000 0101 525400000601 ' +
    '0304 40c0 00015180 00003840 00000000 fd000016000000000000000000000000',
)

t.test('RFC 4861 §4.2 and §4.6.2: an advertisement has flags, a lifetime, and prefixes', (t) => {
  t.same(decodeRouterAdvertisement(advertisement), {
    isManaged: true,
    prefixes: [{ network: 'fd00:16::', prefix: 64, isAutonomous: true }],
  })
  const plain = advertisement.slice()
  plain[5] = 0
  plain[6] = plain[7] = 0
  plain[27] = 0x80
  t.same(decodeRouterAdvertisement(plain), {
    isManaged: false,
    prefixes: [{ network: 'fd00:16::', prefix: 64, isAutonomous: false }],
  })
  t.end()
})

t.test('RFC 4861 §4.1: a solicitation, which is not an advertisement', (t) => {
  t.same([...encodeRouterSolicitation()], [133, 0, 0, 0, 0, 0, 0, 0])
  t.equal(decodeRouterAdvertisement(encodeRouterSolicitation()), undefined)
  t.end()
})

t.test('an advertisement that is cut off, or has an option without a length, is malformed', (t) => {
  for (const octets of [10, 17, 20, advertisement.length - 1]) {
    t.throws(() => decodeRouterAdvertisement(advertisement.subarray(0, octets)), { name: 'MalformedPacket' })
  }
  const endless = advertisement.slice()
  endless[17] = 0
  t.throws(() => decodeRouterAdvertisement(endless), /an option without a length/)
  t.end()
})
