/** Formats the results: slipway, the best peer, and the targets. */
import type { Benchmark, ServerResult } from './benchmark.ts'
import { median } from './statistics.ts'
import type { Delays } from './latency.ts'
import { formatFigure, formatTable } from './table.ts'

export type BenchmarkResult = {
  readonly benchmark: Pick<Benchmark, 'title' | 'unit' | 'work' | 'better' | 'targets' | 'maxMemoryMiB'>
  readonly slipway: ServerResult
  readonly peers: readonly ServerResult[]
}

export const latencyTitle = 'Latency while 16 clients download images without a limit'

const maxDelayMs = 50

/** Returns how many times slipway is better than the peer: 2 is twice the rate, or half the time. */
export function ratioTo({ benchmark, slipway }: BenchmarkResult, peer: ServerResult): number {
  const [own, other] = [median(slipway.values), median(peer.values)]
  if (other === 0 || own === 0) return own === other ? 1 : own === 0 ? 0 : Infinity
  return benchmark.better === 'more' ? own / other : other / own
}

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
      targetTexts(result).join('; '),
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

function targetTexts(result: BenchmarkResult): string[] {
  const { benchmark, slipway, peers } = result
  const ratios = benchmark.targets.map(({ peer, ratio }) => {
    const measured = peers.find(({ name }) => name === peer)
    if (measured === undefined) return `${peer} was not measured`
    const actual = ratioTo(result, measured)
    return `${ratio} x ${peer}: ${met(actual >= ratio)} (${actual.toFixed(2)})`
  })
  if (benchmark.maxMemoryMiB === undefined) return ratios
  const memory = `under ${benchmark.maxMemoryMiB} MiB: ${met(slipway.memoryMiB < benchmark.maxMemoryMiB)}`
  return [...ratios, `${memory} (${Math.round(slipway.memoryMiB)})`]
}

/** All servers: median, minimum, and maximum of the rounds, losses, processor time, memory. */
export function formatResults({ benchmark, slipway, peers }: BenchmarkResult): string {
  const rows = [slipway, ...peers].map(({ name, values, lostPercent, ...rest }) => [
    name,
    formatFigure(median(values)),
    formatFigure(Math.min(...values)),
    formatFigure(Math.max(...values)),
    lostPercent.toFixed(2),
    formatFigure(median(rest.microseconds)),
    median(rest.busyPercent).toFixed(0),
    rest.memoryMiB.toFixed(0),
  ])
  const head = [
    ...['', `${benchmark.unit}, median`, 'minimum', 'maximum', 'lost %'],
    ...[`processor µs per ${benchmark.work}`, 'busy %', 'memory MiB'],
  ]
  return formatTable([head, ...rows], [1, 2, 3, 4, 5, 6, 7])
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
      met(p99 < maxDelayMs),
    ]
  })
  const head = ['', 'ms, median', '99th percentile', 'maximum', 'lost %', `99th under ${maxDelayMs} ms`]
  return formatTable([head, ...rows], [1, 2, 3, 4])
}

const latencyNames = ['DHCP', 'DNS'] as const

function medianOf(latencies: LatencyRounds, name: Delays['name'], figure: 'p50' | 'p99'): number {
  return median(
    latencies.flatMap((delays) => delays.filter((each) => each.name === name)).map((each) => each[figure]),
  )
}

const met = (isMet: boolean) => (isMet ? 'met' : 'NOT met')
