/** Comparing figures with goals. */
import t from 'tap'
import type { BenchmarkResult, ServerResult } from '../../bench/benchmark.ts'
import { benchmarkGoals, formatGoal, formatGoals, maximum, ratioTo } from '../../bench/goals.ts'

const server = (name: string, values: number[], microseconds = 10): ServerResult => ({
  ...{ name, values, lostPercent: 0, microseconds: [microseconds], busyPercent: [90], memoryMiB: 10 },
})

const rate: BenchmarkResult = {
  benchmark: {
    ...{ title: 'DNS', unit: 'answers/s', work: 'answer', better: 'more' },
    targets: [
      { peer: 'Knot', ratio: 1.2 },
      { peer: 'BIND', ratio: 0.8 },
      { peer: 'gone', ratio: 1 },
    ],
    noMoreProcessorThan: 'Knot',
  },
  slipway: server('slipway', [118_000, 90_000, 120_000], 8),
  peers: [server('Knot', [100_000], 7.5), server('BIND', [200_000, 200_000, 100_000])],
}

const time: BenchmarkResult = {
  benchmark: {
    ...{ title: 'rack', unit: 's', work: 'node', better: 'less' },
    targets: [{ peer: 'nginx', ratio: 1 / 0.7 }],
    noMoreProcessorThan: 'gone',
    maxMemoryMiB: 10,
  },
  slipway: server('slipway', [1.4]),
  peers: [server('nginx', [2.1])],
}

t.test('a ratio above 1 means that slipway is better, for rates and for times', (t) => {
  t.equal(ratioTo(rate, rate.peers[1]!), 0.59)
  t.equal(ratioTo(time, time.peers[0]!).toFixed(2), '1.50')
  t.equal(ratioTo(rate, server('broken', [0])), Infinity)
  t.equal(ratioTo({ ...rate, slipway: server('slipway', [0]) }, rate.peers[0]!), 0)
  t.equal(ratioTo({ ...rate, slipway: server('slipway', [0]) }, server('broken', [0])), 1)
  t.end()
})

t.test('the goals of a benchmark are ratios to peers, processor time, and memory', (t) => {
  t.same(benchmarkGoals(rate).map(formatGoal), [
    '1.2 x Knot: NOT met (1.18)',
    '0.8 x BIND: NOT met (0.59)',
    '1 x gone: NOT met (not measured)',
    'no more processor time than Knot: NOT met (8.00 to 7.50 µs)',
  ])
  t.same(benchmarkGoals(time).map(formatGoal), [
    '1.43 x nginx: met (1.50)',
    'no more processor time than gone: NOT met (not measured)',
    'under 10 MiB: NOT met (10.0)',
  ])
  t.end()
})

t.test('a result with losses of 1 % does not meet a ratio', (t) => {
  const lossy = { ...time, slipway: { ...time.slipway, lostPercent: 1 } }
  t.same(benchmarkGoals(lossy).map(formatGoal)[0], '1.43 x nginx: NOT met (1.50, 1.00 % lost)')
  t.end()
})

t.test('the table of goals has the figure and the result of each, and counts those that are met', (t) => {
  const goals = [
    maximum('start', 399, { name: '1,000 nodes:', unit: 'ms', max: 400 }),
    maximum('idle', 0.5, { unit: '% of a core', max: 0.5 }),
  ]
  t.equal(
    formatGoals(goals),
    `\
| work  | goal                      | figure | result  |
| ----- | ------------------------- | -----: | ------- |
| start | 1,000 nodes: under 400 ms |    399 | met     |
| idle  | under 0.5 % of a core     |  0.500 | NOT met |

1 of 2 goals met.

What limits the works of the missed goals, from profiles (docs/decisions/0027-performance.md):

- idle: not profiled yet`,
  )
  t.end()
})

t.test('what limits a work is printed once, if one of its goals is missed', (t) => {
  const idle = 'Idle, 1,000 nodes, 20 s without a request'
  const goals = [
    maximum(idle, 138, { unit: 'MiB', max: 90 }),
    maximum(idle, 1, { unit: '% of a core', max: 0.5 }),
    maximum('Images, 8 x 512 MiB in parallel', 1, { unit: 'MiB', max: 400 }),
  ]
  const [, count, head, lines = '', ...more] = formatGoals(goals).split('\n\n')
  t.equal(count, '1 of 3 goals met.')
  t.match(head, 'from profiles (docs/decisions/0027-performance.md)')
  t.match(lines, /^- Idle, 1,000 nodes, 20 s without a request: of the resident memory, [^\n]*$/)
  t.same(more, [])
  t.end()
})
