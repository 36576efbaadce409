import t from 'tap'
import { formatDuration, formatCount } from '../../src/text/duration.ts'

t.test('how often', (t) => {
  t.same([0, 1, 2, 3, 12].map(formatCount), ['never', 'once', 'twice', '3 times', '12 times'])
  t.end()
})

const spans: [ms: number, text: string][] = [
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.5, '1.0 s'],
  [9949, '9.9 s'],
  [9950, '10 s'],
  [99_000, '99 s'],
  [99_500, '2 min'],
  [99 * 60_000, '99 min'],
  [100 * 60_000, '2 h'],
  [47 * 3_600_000, '47 h'],
  [48 * 3_600_000, '2 d'],
]

for (const [ms, text] of spans) {
  t.test(`${ms} ms are ${text}`, (t) => {
    t.equal(formatDuration(ms), text)
    t.end()
  })
}
