import fc from 'fast-check'
import t from 'tap'
import { lineSplitter } from '../../src/cluster/lines.ts'

const octets = (text: string) => new TextEncoder().encode(text)

t.test('lines come out whole however the stream was cut, characters of several octets too', (t) => {
  const text = fc.stringMatching(/^[^\n\r]*$/).filter((line) => line.trim() === line && line !== '')
  fc.assert(
    fc.property(fc.array(text, { maxLength: 8 }), fc.array(fc.nat(200), { maxLength: 8 }), (lines, cuts) => {
      const all = octets(lines.map((line) => `${line}\n`).join(''))
      const split = lineSplitter()
      const places = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length]
      const got = places.flatMap((from, index) => split(all.subarray(from, places[index + 1])))
      // What cannot be written as UTF-8 (half a surrogate pair) was lost by encoding, not here.
      const expected = lines.map((line) => new TextDecoder().decode(octets(line)).trim()).filter(Boolean)
      if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Error(JSON.stringify({ got, expected }))
    }),
    { numRuns: 200 },
  )
  t.end()
})

t.test('a line begun is kept back, an empty one is passed over', (t) => {
  const split = lineSplitter()
  t.same(split(octets('{"a":')), [])
  t.same(split(octets('1}\r\n\n \n{"b"')), ['{"a":1}'])
  t.end()
})

t.test('a line that does not end is refused before it fills the memory', (t) => {
  const message = 'it sent a line of more than 8 octets'
  const [one, two] = [lineSplitter(8), lineSplitter(8)]
  t.same(one(octets('12345678')), [])
  t.throws(() => one(octets('9')), { name: 'LineTooLong', message })
  t.throws(() => two(octets('123456789\n')), { name: 'LineTooLong', message })
  t.end()
})
