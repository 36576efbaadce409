/** Formats the results: slipway, the best peer, and the targets. */
import type { BenchmarkResult } from './benchmark.ts'
import { benchmarkGoals, formatGoal, maximum, met, ratioTo, type Goal } from './goals.ts'
import { median } from './statistics.ts'
import type { Delays } from './latency.ts'
import { formatFigure, formatTable } from './table.ts'

/** A section of the report, and the goals that its figures are compared with. */
export type Section = {
  readonly title: string
  readonly text: string
  readonly goals: readonly Goal[]
  /** A file of `bench/results/` that the text refers to. */
  readonly attachment?: { readonly name: string; readonly text: string }
}

const latencyTitle = 'Latency while 16 clients download images without a limit, and 200 nodes boot'

const maxDelayMs = 10

/** The delays of each round. */
type LatencyRounds = readonly (readonly Delays[])[]

/** One line for each benchmark: slipway, the best peer, the ratio, and whether each target was met. */
export function formatSummary(results: readonly BenchmarkResult[], latencies: LatencyRounds): string {
  const rows = results.map((result) => {
    const { benchmark, slipway, peers } = result
    const best = peers.toSorted((a, b) => ratioTo(result, a) - ratioTo(result, b))[0]
    return [
      benchmark.title,
      `${formatFigure(median(slipway.values))} ${benchmark.unit}`,
      best === undefined ? '' : `${best.name} ${formatFigure(median(best.values))}`,
      best === undefined ? '' : ratioTo(result, best).toFixed(2),
      benchmarkGoals(result).map(formatGoal).join('; '),
    ]
  })
  const latencyRow = (): string[] => {
    const delays = latencyNames.map((name) => ({ name, p99: medianOf(latencies, name, 'p99') }))
    return [
      latencyTitle,
      delays.map(({ name, p99 }) => `${name} ${formatFigure(p99)} ms`).join(', '),
      '',
      '',
      `99th percentile under ${maxDelayMs} ms: ${met(delays.every(({ p99 }) => p99 < maxDelayMs))}`,
    ]
  }
  const all = latencies.length === 0 ? rows : [...rows, latencyRow()]
  return formatTable([['work', 'slipway', 'best peer', 'ratio', 'targets'], ...all], [3])
}

/** All servers: median, minimum, and maximum of the rounds, losses, processor time, memory. */
export function formatResults({ benchmark, slipway, peers }: BenchmarkResult): string {
  const extras = Object.keys(slipway.extras?.[0] ?? {})
  const rows = [slipway, ...peers].map(({ name, values, lostPercent, ...rest }) => [
    name,
    formatFigure(median(values)),
    formatFigure(Math.min(...values)),
    formatFigure(Math.max(...values)),
    lostPercent.toFixed(2),
    formatFigure(median(rest.microseconds)),
    median(rest.busyPercent).toFixed(0),
    rest.memoryMiB.toFixed(0),
    ...extras.map((key) => formatFigure(median((rest.extras ?? []).map((each) => each[key] ?? 0)))),
  ])
  const head: readonly string[] = [
    ...['', `${benchmark.unit}, median`, 'minimum', 'maximum', 'lost %'],
    ...[`processor µs per ${benchmark.work}`, 'busy %', 'memory MiB', ...extras],
  ]
  return formatTable([head, ...rows], [...head.keys()].slice(1))
}

export function benchmarkSection(result: BenchmarkResult): Section {
  return { title: result.benchmark.title, text: formatResults(result), goals: benchmarkGoals(result) }
}

/** A work that could not be measured misses its goals. */
export function failedSection(title: string, { message }: Error): Section {
  const goal = { work: title, goal: 'is measured', figure: 'failed', isMet: false }
  return { title, text: `Not measured: ${message.slice(0, 500)}`, goals: [goal] }
}

export function latencySection(latencies: LatencyRounds): Section {
  return { title: latencyTitle, text: formatLatency(latencies), goals: latencyGoals(latencies) }
}

function latencyGoals(latencies: LatencyRounds): Goal[] {
  return latencyNames.map((name) => {
    const limit = { name: `${name} 99th percentile`, unit: 'ms', max: maxDelayMs }
    return maximum(latencyTitle, medianOf(latencies, name, 'p99'), limit)
  })
}

export function formatLatency(latencies: LatencyRounds): string {
  const rows = latencyNames.map((name) => {
    const all = latencies.flatMap((delays) => delays.filter((each) => each.name === name))
    const p99 = medianOf(latencies, name, 'p99')
    return [
      name,
      formatFigure(medianOf(latencies, name, 'p50')),
      formatFigure(p99),
      formatFigure(Math.max(...all.map((each) => each.max))),
      Math.max(...all.map((each) => each.lostPercent)).toFixed(2),
      formatFigure(median(all.map((each) => each.waitedSeconds))),
      met(p99 < maxDelayMs),
    ]
  })
  const head = [
    ...['', 'ms, median', '99th percentile', 'maximum', 'lost %', 'slipway waited s'],
    `99th under ${maxDelayMs} ms`,
  ]
  return formatTable([head, ...rows], [1, 2, 3, 4, 5])
}

const latencyNames = ['DHCP', 'DNS'] as const

function medianOf(latencies: LatencyRounds, name: Delays['name'], figure: 'p50' | 'p99'): number {
  return median(
    latencies.flatMap((delays) => delays.filter((each) => each.name === name)).map((each) => each[figure]),
  )
}
