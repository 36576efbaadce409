import fc from 'fast-check'
import t from 'tap'
import { encodeName, formatName, hashName, lowerOctet } from '../../../src/proto/dns/name.ts'
import { hex } from '../../support/hex.ts'

t.test('a name is a list of labels, each after its length, and the root (RFC 1035 §3.1)', (t) => {
  t.same(encodeName('m1.example.net'), hex('02 6d31 07 6578616d706c65 03 6e6574 00'))
  t.same(encodeName(''), hex('00'), 'the root')
  t.end()
})

t.test('a label has 1 to 63 octets (RFC 1035 §2.3.4)', (t) => {
  const longest = 'x'.repeat(63)
  t.same(encodeName(longest), hex(`3f ${'78'.repeat(63)} 00`))
  for (const name of [`${longest}x.net`, 'm1..net', '.net', 'm1.']) {
    t.throws(() => encodeName(name), {
      name: 'RangeError',
      message: `${name}: expected labels of 1 to 63 characters`,
    })
  }
  t.end()
})

t.test('only the letters A to Z are case-insensitive (RFC 4343 §3)', (t) => {
  const changed = [...lowerOctet.keys()].filter((octet) => lowerOctet[octet] !== octet)
  t.equal(String.fromCharCode(...changed), 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')
  t.equal(lowerOctet[0x41], 0x61)
  t.end()
})

t.test('a name is formatted as in a zone file (RFC 1035 §5.1)', (t) => {
  const cases = [
    { name: 'the case is kept', octets: '02 4d31 03 4e6574 00', text: 'M1.Net' },
    { name: 'the root', octets: '00', text: '.' },
    { name: 'a dot and a backslash inside a label', octets: '03 612e5c 00', text: 'a\\.\\\\' },
    { name: 'blanks and octets that do not print', octets: '03 20 7f ff 00', text: '\\032\\127\\255' },
  ]
  for (const { name, octets, text } of cases) t.equal(formatName(hex(octets), 0), text, name)
  t.equal(formatName(hex('ffff 02 6d31 00'), 2), 'm1', 'from an offset')
  t.end()
})

t.test('different names nearly always have different hashes', (t) => {
  fc.assert(
    fc.property(fc.domain(), fc.domain(), (a, b) => {
      const isEqual = hashName(encodeName(a)) === hashName(encodeName(b))
      if (isEqual !== (a === b)) throw new Error(`${a} and ${b}`)
    }),
    { numRuns: 100, seed: 1 },
  )
  t.end()
})
