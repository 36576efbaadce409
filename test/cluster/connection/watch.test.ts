import fc from 'fast-check'
import t from 'tap'
import { lineSplitter } from '../../../src/cluster/connection/watch.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

t.test('returns whole lines however the stream is split, also within a character of several bytes', (t) => {
  const text = fc.stringMatching(/^[^\n\r]*$/).filter((line) => line.trim() === line && line !== '')
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 8 }), (lines, cuts) => {
      const all = bytes(lines.map((line) => `${line}\n`).join(''))
      const split = lineSplitter()
      const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length]
      const got = places.flatMap((from, index) => split(all.subarray(from, places[index + 1])))
      // Half a surrogate pair cannot be encoded as UTF-8: the encoder lost it, not the splitter.
      const expected = lines.map((line) => new TextDecoder().decode(bytes(line)).trim()).filter(Boolean)
      if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(JSON.stringify({ got, expected }))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('keeps an incomplete line, and skips an empty one', (t) => {
  const split = lineSplitter()
  t.same(split(bytes('{"a":')), [])
  t.same(split(bytes('1}\r\n\n \n{"b"')), ['{"a":1}'])
  t.end()
})

t.test('rejects a line that is too long before it fills the memory', (t) => {
  const message = 'the server sent a line of more than 8 bytes'
  const [one, two] = [lineSplitter(8), lineSplitter(8)]
  t.same(one(bytes('12345678')), [])
  t.throws(() => one(bytes('9')), { name: 'BadEvent', message })
  t.throws(() => two(bytes('123456789\n')), { name: 'BadEvent', message })
  t.end()
})
