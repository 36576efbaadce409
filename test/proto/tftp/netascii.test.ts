import fc from 'fast-check'
import t from 'tap'
import { encodeNetascii } from '../../../src/proto/tftp/netascii.ts'

const cases = [
  { name: 'LF becomes CR LF (RFC 764)', from: 'a\nb', to: 'a\r\nb' },
  { name: 'CR becomes CR NUL (RFC 764)', from: 'a\rb', to: 'a\r\0b' },
  { name: 'CR LF is two characters, not a line end', from: '\r\n', to: '\r\0\r\n' },
  { name: 'line ends at the start and the end', from: '\n\n', to: '\r\n\r\n' },
  { name: 'an empty chunk stays empty', from: '', to: '' },
]

for (const { name, from, to } of cases) {
  t.test(name, (t) => {
    t.equal(Buffer.from(encodeNetascii(Buffer.from(from, 'latin1'))).toString('latin1'), to)
    t.end()
  })
}

t.test('a chunk without line ends is returned, not copied', (t) => {
  const chunk = Uint8Array.of(1, 2, 255)
  t.equal(encodeNetascii(chunk), chunk)
  t.end()
})

// Line ends are frequent, so that pairs of them fall on the cut.
const octet = fc.oneof(fc.constantFrom(10, 13, 0), fc.integer({ min: 0, max: 255 }))
const octets = fc.array(octet, { maxLength: 60 }).map((each) => Uint8Array.from(each))

t.test('the split into chunks does not change the result', (t) => {
  fc.assert(
    fc.property(octets, fc.nat(60), (whole, at) => {
      const parts = [encodeNetascii(whole.subarray(0, at)), encodeNetascii(whole.subarray(at))]
      return Buffer.concat(parts).equals(encodeNetascii(whole))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('decoding as Telnet does returns the file', (t) => {
  fc.assert(
    fc.property(octets, (whole) => {
      const encoded = Buffer.from(encodeNetascii(whole)).toString('latin1')
      const decoded = encoded.replaceAll(/\r([\n\0])/g, (_pair, second) => (second === '\n' ? '\n' : '\r'))
      return decoded === Buffer.from(whole).toString('latin1')
    }),
    { numRuns: 200 },
  )
  t.end()
})
