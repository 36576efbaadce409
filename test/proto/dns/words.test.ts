import fc from 'fast-check'
import t from 'tap'
import { presentationWords, quotedText } from '../../../src/proto/dns/words.ts'

t.test('words are separated by spaces, and quotes keep them together (RFC 1035 §5.1)', (t) => {
  const texts = (text: string) =>
    presentationWords(text).map(({ octets }) => Buffer.from(octets).toString('latin1'))
  t.same(texts('  a  "b c"\t\\"d\\032e ""'), ['a', 'b c', '"d e', ''])
  t.same(texts(''), [])
  for (const wrong of ['"a', 'a"b', 'a (b', '"a"b', 'a;b'])
    t.throws(() => presentationWords(wrong), RangeError)
  t.end()
})

t.test('any octets survive in quotes', (t) => {
  fc.assert(
    fc.property(fc.uint8Array(), (octets) => {
      const [word] = presentationWords(quotedText(octets))
      return Buffer.from(word?.octets ?? []).equals(Buffer.from(octets))
    }),
  )
  t.end()
})
