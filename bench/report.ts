/** What the rounds gave, as a person reads it: ours beside the best peer, and what was promised. */
import type { Contest, Result } from './contest.ts'
import { median } from './statistics.ts'
import type { Delays } from './storm.ts'
import { formatFigure, formatTable } from './table.ts'

export type Standing = {
  readonly contest: Pick<Contest, 'title' | 'unit' | 'work' | 'better' | 'targets' | 'mostMemoryMiB'>
  readonly ours: Result
  readonly peers: readonly Result[]
}

export const stormTitle = 'Answers under a storm: images saturated by 16 readers'

const mostDelayMs = 50

/** How many times as good as the peer ours is: 2 is twice the rate, or half the time. */
export function ratioTo({ contest, ours }: Standing, peer: Result): number {
  const [own, other] = [median(ours.values), median(peer.values)]
  if (other === 0 || own === 0) return own === other ? 1 : own === 0 ? 0 : Infinity
  return contest.better === 'more' ? own / other : other / own
}

/** @param rounds of the storm, each with its delays */
type Storms = readonly (readonly Delays[])[]

/** One line per contest: ours, the best peer, the ratio, and each target with whether it was met. */
export function formatStandings(standings: readonly Standing[], storms: Storms): string {
  const rows = standings.map((standing) => {
    const { contest, ours, peers } = standing
    const best = peers.toSorted((a, b) => ratioTo(standing, a) - ratioTo(standing, b))[0]
    return [
      contest.title,
      `${formatFigure(median(ours.values))} ${contest.unit}`,
      best === undefined ? '' : `${best.name} ${formatFigure(median(best.values))}`,
      best === undefined ? '' : ratioTo(standing, best).toFixed(2),
      verdicts(standing).join('; '),
    ]
  })
  const stormRow = (): string[] => {
    const delays = stormNames.map((name) => ({ name, p99: medianOf(storms, name, 'p99') }))
    return [
      stormTitle,
      delays.map(({ name, p99 }) => `${name} ${formatFigure(p99)} ms`).join(', '),
      '',
      '',
      `99th percentile under ${mostDelayMs} ms: ${met(delays.every(({ p99 }) => p99 < mostDelayMs))}`,
    ]
  }
  const all = storms.length === 0 ? rows : [...rows, stormRow()]
  return formatTable([['work', 'slipway', 'best peer', 'ratio', 'targets'], ...all], [3])
}

function verdicts(standing: Standing): string[] {
  const { contest, ours, peers } = standing
  const ratios = contest.targets.map(({ peer, ratio }) => {
    const result = peers.find(({ name }) => name === peer)
    if (result === undefined) return `no ${peer} here`
    const reached = ratioTo(standing, result)
    return `${ratio} x ${peer}: ${met(reached >= ratio)} (${reached.toFixed(2)})`
  })
  if (contest.mostMemoryMiB === undefined) return ratios
  const memory = `under ${contest.mostMemoryMiB} MiB: ${met(ours.memoryMiB < contest.mostMemoryMiB)}`
  return [...ratios, `${memory} (${Math.round(ours.memoryMiB)})`]
}

/** Every contender: median, lowest and highest round, what was lost, processor time, memory. */
export function formatResults({ contest, ours, peers }: Standing): string {
  const rows = [ours, ...peers].map(({ name, values, lostPercent, ...rest }) => [
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
    ...['', `${contest.unit}, median`, 'lowest', 'highest', 'lost %'],
    ...[`processor µs per ${contest.work}`, 'busy %', 'memory MiB'],
  ]
  return formatTable([head, ...rows], [1, 2, 3, 4, 5, 6, 7])
}

export function formatStorm(storms: Storms): string {
  const rows = stormNames.map((name) => {
    const all = storms.flatMap((delays) => delays.filter((each) => each.name === name))
    const p99 = medianOf(storms, name, 'p99')
    return [
      name,
      formatFigure(medianOf(storms, name, 'p50')),
      formatFigure(p99),
      formatFigure(Math.max(...all.map((each) => each.worst))),
      Math.max(...all.map((each) => each.lostPercent)).toFixed(2),
      met(p99 < mostDelayMs),
    ]
  })
  const head = ['', 'ms, median', '99th percentile', 'worst', 'lost %', `99th under ${mostDelayMs} ms`]
  return formatTable([head, ...rows], [1, 2, 3, 4])
}

const stormNames = ['DHCP', 'DNS'] as const

function medianOf(storms: Storms, name: Delays['name'], figure: 'p50' | 'p99'): number {
  return median(
    storms.flatMap((delays) => delays.filter((each) => each.name === name)).map((each) => each[figure]),
  )
}

const met = (isMet: boolean) => (isMet ? 'met' : 'NOT met')
