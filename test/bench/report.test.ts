/** The result tables of the benchmarks. */
import t from 'tap'
import type { BenchmarkResult } from '../../bench/benchmark.ts'
import { coresOf } from '../../bench/network.ts'
import {
  benchmarkSection,
  failedSection,
  formatResults,
  formatSummary,
  formatLatency,
  latencySection,
} from '../../bench/report.ts'
import { formatFigure, formatTable } from '../../bench/table.ts'

const result = (name: string, values: number[], memoryMiB = 10) => ({
  name,
  values,
  lostPercent: 0.5,
  memoryMiB,
  microseconds: values.map((value) => 1e6 / value),
  busyPercent: values.map(() => 97),
})

const rate: BenchmarkResult = {
  benchmark: {
    title: 'DNS',
    unit: 'answers/s',
    work: 'answer',
    better: 'more',
    targets: [
      { peer: 'dnsmasq', ratio: 0.6 },
      { peer: 'BIND', ratio: 0.8 },
    ],
  },
  slipway: result('slipway', [118_000, 90_000, 120_000]),
  peers: [result('dnsmasq', [200_000, 200_000, 100_000]), result('BIND', [90_000])],
}

const time: BenchmarkResult = {
  benchmark: {
    title: 'images',
    unit: 's',
    work: 'MiB',
    better: 'less',
    maxMemoryMiB: 400,
    targets: [{ peer: 'nginx', ratio: 1 }],
  },
  slipway: result('slipway', [1.4], 401),
  peers: [result('nginx', [2.1])],
}

t.test('the summary compares medians with the best peer, and shows whether each target was met', (t) => {
  t.equal(
    formatSummary([rate, time], []),
    `\
| work   | slipway           | best peer       | ratio | targets                                               |
| ------ | ----------------- | --------------- | ----: | ----------------------------------------------------- |
| DNS    | 118,000 answers/s | dnsmasq 200,000 |  0.59 | 0.6 x dnsmasq: NOT met (0.59); 0.8 x BIND: met (1.31) |
| images | 1.40 s            | nginx 2.10      |  1.50 | 1 x nginx: met (1.50); under 400 MiB: NOT met (401)   |`,
  )
  t.end()
})

t.test('the summary has a line for the latency', (t) => {
  const delays = (dhcp: number, dns: number) => [
    { name: 'DHCP' as const, p50: 1, p99: dhcp, max: 99, lostPercent: 0, waitedSeconds: 2 },
    { name: 'DNS' as const, p50: 1, p99: dns, max: 99, lostPercent: 0, waitedSeconds: 2 },
  ]
  const line = (...rounds: ReturnType<typeof delays>[]) => formatSummary([], rounds).split('\n').at(-1)
  t.match(line(delays(1, 9)), /\| DHCP 1\.00 ms, DNS 9\.00 ms \| .* 99th percentile under 10 ms: met \|$/)
  t.match(line(delays(1, 9), delays(20, 9), delays(10, 9)), /\| DHCP 10\.0 ms, .* under 10 ms: NOT met \|$/)
  t.end()
})

t.test('a result table shows the minimum and maximum of each server', (t) => {
  t.equal(
    formatResults(time),
    `\
|         | s, median | minimum | maximum | lost % | processor µs per MiB | busy % | memory MiB |
| ------- | --------: | ------: | ------: | -----: | -------------------: | -----: | ---------: |
| slipway |      1.40 |    1.40 |    1.40 |   0.50 |              714,000 |     97 |        401 |
| nginx   |      2.10 |    2.10 |    2.10 |   0.50 |              476,000 |     97 |         10 |`,
  )
  t.end()
})

t.test('a benchmark can have more figures, each in a separate column', (t) => {
  const busy = (percent: number) => ({ extras: [{ 'load program busy %': percent }] })
  const [nginx] = time.peers
  const slipway = { ...time.slipway, ...busy(40) }
  const table = formatResults({ ...time, slipway, peers: [{ ...nginx!, ...busy(50.4) }] })
  t.same(
    table.split('\n').map((line) => line.split('|').at(-2)?.trim()),
    ['load program busy %', '------------------:', '40.0', '50.4'],
  )
  t.end()
})

t.test('a benchmark that could not be measured misses its goals', (t) => {
  t.same(failedSection('rack', new Error('no answer')), {
    title: 'rack',
    text: 'Not measured: no answer',
    goals: [{ work: 'rack', goal: 'is measured', figure: 'failed', isMet: false }],
  })
  t.end()
})

t.test('a section has the table of a work and its goals', (t) => {
  const { title, text, goals } = benchmarkSection(time)
  t.equal(title, 'images')
  t.equal(text, formatResults(time))
  t.same(
    goals.map(({ goal, isMet }) => [goal, isMet]),
    [
      ['1 x nginx', true],
      ['under 400 MiB', false],
    ],
  )
  const delays = [
    { name: 'DHCP' as const, p50: 1, p99: 9, max: 99, lostPercent: 0, waitedSeconds: 2 },
    { name: 'DNS' as const, p50: 1, p99: 11, max: 99, lostPercent: 0, waitedSeconds: 2 },
  ]
  t.same(
    latencySection([delays]).goals.map(({ goal, figure, isMet }) => [goal, figure, isMet]),
    [
      ['DHCP 99th percentile under 10 ms', '9.00', true],
      ['DNS 99th percentile under 10 ms', '11.0', false],
    ],
  )
  t.end()
})

t.test(
  'the latency is the median of the 99th percentiles; loss and maximum are maxima of all rounds',
  (t) => {
    const round = (p99: number) => [
      { name: 'DHCP' as const, p50: 1, p99, max: p99 + 1, lostPercent: 0, waitedSeconds: 2 },
      { name: 'DNS' as const, p50: 0.5, p99: 2 * p99, max: 99, lostPercent: p99 / 100, waitedSeconds: 2 },
    ]
    t.equal(
      formatLatency([round(30), round(20), round(40)]),
      `\
|      | ms, median | 99th percentile | maximum | lost % | slipway waited s | 99th under 10 ms |
| ---- | ---------: | --------------: | ------: | -----: | ---------------: | ---------------- |
| DHCP |       1.00 |            30.0 |    41.0 |   0.00 |             2.00 | NOT met          |
| DNS  |      0.500 |            60.0 |    99.0 |   0.40 |             2.00 | NOT met          |`,
    )
    t.end()
  },
)

for (const [value, text] of [
  [0, '0'],
  [0.0123, '0.0123'],
  [1.414, '1.41'],
  [99.96, '100'],
  [118_499, '118,000'],
  [999.9, '1,000'],
] as const) {
  t.test(`${value} is formatted as ${text}: three significant digits`, (t) => {
    t.equal(formatFigure(value), text)
    t.end()
  })
}

t.test('a table without rows has only its head', (t) => {
  t.equal(formatTable([['a', 'figure']], [1]), '| a   | figure |\n| --- | -----: |')
  t.end()
})

t.test('servers and load programs have half of the cores each, or share a single core', (t) => {
  t.same(coresOf(1), { server: '0', load: '0' })
  t.same(coresOf(2), { server: '0', load: '1' })
  t.same(coresOf(5), { server: '0-1', load: '2-4' })
  t.end()
})
