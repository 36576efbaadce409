import fc from 'fast-check'
import t from 'tap'
import { createCookies, sipHash } from '../../../src/serve/dns/cookies.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { hex } from '../../support/hex.ts'

const secret = hex('e5e973e5a6b2a43f48e7dc849e37bfcf')
const client = '198.51.100.100'
const at = (seconds: number, key = secret) => createCookies(key, fakeClock(seconds * 1000))
/** The option's data, as the RFC prints it. */
const data = ({ option }: { option: Uint8Array }) => Buffer.from(option.subarray(4)).toString('hex')

t.test('the cookies of RFC 9018, Appendix A', (t) => {
  const first = at(1559731985).verify(hex('2464c4abcf10c957'), client)
  t.same(first.option.subarray(0, 4), hex('000a 0018'))
  t.equal(data(first), '2464c4abcf10c957010000005cf79f111f8130c3eee29480', 'A.1: learning one')
  t.equal(first.isOurs, false)

  const again = at(1559734385).verify(hex('2464c4abcf10c957010000005cf79f111f8130c3eee29480'), client)
  t.equal(again.isOurs, true)
  t.equal(data(again), '2464c4abcf10c957010000005cf7a871d4a564a1442aca77', 'A.2: renewed after half an hour')

  const reserved = at(1559734700).verify(
    hex('fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5'),
    '203.0.113.203',
  )
  t.equal(
    data(reserved),
    'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
    'A.3: reserved octets that are not zero',
  )

  const ipv6 = '2001:db8:220:1:59de:d0f4:8769:82b8'
  const other = at(1559741961, hex('445536bcd2513298075a5d379663c962'))
  const renewed = other.verify(hex('22681ab97d52c298010000005cf7c57926556bd0934c72f8'), ipv6)
  t.equal(data(renewed), '22681ab97d52c298010000005cf7c609a6bb79d16625507a', 'A.4: IPv6, a new secret')
  t.equal(other.verify(hex('22681ab97d52c298'), `${ipv6}%eth0`).option.length, 28)
  t.end()
})

t.test('a server cookie is valid for its client, secret, and time only', (t) => {
  const cookie = '2464c4abcf10c957010000005cf79f111f8130c3eee29480'
  const given = 1559731985
  const cases: { name: string; seconds?: number; received?: string; address?: string; isOurs: boolean }[] = [
    { name: 'the one that was given', isOurs: true },
    { name: 'an hour later', seconds: given + 3600, isOurs: true },
    { name: 'later than that', seconds: given + 3601, isOurs: false },
    { name: 'from five minutes ahead (another clock)', seconds: given - 300, isOurs: true },
    { name: 'from further ahead', seconds: given - 301, isOurs: false },
    { name: 'given to another address', address: '198.51.100.101', isOurs: false },
    { name: 'of another client cookie', received: `25${cookie.slice(2)}`, isOurs: false },
    { name: 'of another version', received: `${cookie.slice(0, 16)}02${cookie.slice(18)}`, isOurs: false },
    { name: 'another hash', received: `${cookie.slice(0, -1)}1`, isOurs: false },
    { name: 'shorter, as others make them', received: cookie.slice(0, 32), isOurs: false },
    { name: 'no server cookie', received: cookie.slice(0, 16), isOurs: false },
    { name: 'from an address that is none', address: '', isOurs: false },
  ]
  for (const { name, seconds = given, received = cookie, address = client, isOurs } of cases) {
    const judged = at(seconds).verify(hex(received), address)
    t.equal(judged.isOurs, isOurs, name)
    t.equal(data(judged).slice(0, 16), received.slice(0, 16), 'the client cookie is returned')
  }
  t.equal(data(at(given + 1799).verify(hex(cookie), client)), cookie, 'a recent one is returned unchanged')
  t.end()
})

t.test('every issued cookie is valid when the client returns it', (t) => {
  const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  fc.assert(
    fc.property(octets(16), octets(8), fc.nat(0xffffffff), fc.ipV4(), (key, received, seconds, address) => {
      const cookies = at(seconds, key)
      const { option } = cookies.verify(received, address)
      if (!cookies.verify(option.subarray(4), address).isOurs) throw new Error('not taken')
    }),
    { numRuns: 100 },
  )
  t.end()
})

/** The key and messages 00 01 02 … of the reference implementation (vectors_sip64). */
t.test('hashes equal those of the reference implementation', (t) => {
  const key = Uint8Array.from({ length: 16 }, (_, index) => index)
  const message = (length: number) => Uint8Array.from({ length }, (_, index) => index)
  t.same(sipHash(key, message(0)), hex('310e0edd47db6f72'))
  t.same(sipHash(key, message(1)), hex('fd67dc93c539f874'))
  t.same(sipHash(key, message(8)), hex('6224939a79f5f593'))
  t.same(sipHash(key, message(15)), hex('e545be4961ca29a1'))
  t.end()
})
