/** Median, percentile, and growth. */
import t from 'tap'
import { growthExponent, median, percentile } from '../../bench/statistics.ts'

const medians = [
  { name: 'of one value', values: [3], expected: 3 },
  { name: 'of an odd number of unsorted values is the middle one', values: [9, 1, 5], expected: 5 },
  {
    name: 'of an even number of values is the mean of the two in the middle',
    values: [8, 1, 2, 4],
    expected: 3,
  },
  { name: 'values are compared as numbers, not as text', values: [10, 9, 100], expected: 10 },
]

for (const { name, values, expected } of medians) {
  t.test(`median: ${name}`, (t) => {
    const before = [...values]
    t.equal(median(values), expected)
    t.same(values, before, 'the input is not changed')
    t.end()
  })
}

const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
const percentiles = [
  { name: 'the 99th of a hundred values is the second highest', values: hundred, percent: 99, expected: 99 },
  { name: 'the 100th is the highest', values: hundred, percent: 100, expected: 100 },
  { name: 'the 0th is the lowest', values: hundred, percent: 0, expected: 1 },
  { name: 'the 99th of ten values is the highest', values: hundred.slice(0, 10), percent: 99, expected: 100 },
]

for (const { name, values, percent, expected } of percentiles) {
  t.test(`percentile: ${name}`, (t) => {
    t.equal(percentile(values, percent), expected)
    t.end()
  })
}

t.test('an empty list has no median and no percentile', (t) => {
  t.throws(() => median([]), { message: 'expected at least one value' })
  t.throws(() => percentile([], 99), { message: 'expected at least one value' })
  t.end()
})

for (const [name, value, exponent] of [
  ['constant', () => 3, 0],
  ['proportional', (size: number) => 5 * size, 1],
  ['quadratic', (size: number) => size ** 2, 2],
] as const) {
  t.test(`${name} growth has the exponent ${exponent}`, (t) => {
    const points = [10, 100, 5000].map((size) => ({ size, value: value(size) }))
    t.equal(growthExponent(points).toFixed(6), exponent.toFixed(6))
    t.end()
  })
}
