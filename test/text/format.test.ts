import t from 'tap'
import { formatAge, formatDuration, formatRemaining, formatStopwatch } from '../../src/text/format.ts'

const spans: [ms: number, text: string][] = [
  [-5, '0 ms'],
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
  t.test(`formats ${ms} ms as ${text}`, (t) => {
    t.equal(formatDuration(ms), text)
    t.end()
  })
}

t.test('rounds an age down to whole units', (t) => {
  const hour = 3_600_000
  t.same([-1, 59_999, 60_000, hour - 1, hour, 71.9 * hour, 72 * hour].map(formatAge), [
    '0 min',
    '0 min',
    '1 min',
    '59 min',
    '1 h',
    '71 h',
    '3 days',
  ])
  t.end()
})

t.test('rounds the remaining time up to whole units', (t) => {
  t.same([-1, 0, 1, 119_000, 119_001].map(formatRemaining), ['0 s', '0 s', '1 s', '119 s', '2 min'])
  t.end()
})

t.test('formats a running clock', (t) => {
  t.same([4999, 750_000, 3_723_000].map(formatStopwatch), ['0:04', '12:30', '1:02:03'])
  t.end()
})
