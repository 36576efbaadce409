/** Compares the figures with the goals of the project. */
import type { BenchmarkResult, ServerResult } from './benchmark.ts'
import { limitOf } from './limits.ts'
import { median } from './statistics.ts'
import { formatFigure, formatTable } from './table.ts'

export type Goal = {
  /** Title of the measured work. */
  readonly work: string
  /** `1.25 x nginx`, `under 400 MiB` */
  readonly goal: string
  readonly figure: string
  readonly isMet: boolean
}

/** A result with more losses does not meet a ratio. */
const maxLostPercent = 1

/** Returns how many times slipway is better than the peer: 2 is twice the rate, or half the time. */
export function ratioTo({ benchmark, slipway }: BenchmarkResult, peer: ServerResult): number {
  const [own, other] = [median(slipway.values), median(peer.values)]
  if (other === 0 || own === 0) return own === other ? 1 : own === 0 ? 0 : Infinity
  return benchmark.better === 'more' ? own / other : other / own
}

/** Returns the goals of a benchmark: ratios to peers, processor time, and memory. */
export function benchmarkGoals(result: BenchmarkResult): Goal[] {
  const { benchmark, slipway, peers } = result
  const { title: work, targets, noMoreProcessorThan, maxMemoryMiB } = benchmark
  const find = (peer: string) => peers.find(({ name }) => name === peer)
  const missing = (goal: string): Goal => ({ work, goal, figure: 'not measured', isMet: false })
  const ratios = targets.map(({ peer, ratio }): Goal => {
    const goal = `${Number(ratio.toFixed(2))} x ${peer}`
    const measured = find(peer)
    if (measured === undefined) return missing(goal)
    const actual = ratioTo(result, measured)
    const isLossy = slipway.lostPercent >= maxLostPercent
    const figure = `${actual.toFixed(2)}${isLossy ? `, ${formatFigure(slipway.lostPercent)} % lost` : ''}`
    return { work, goal, figure, isMet: actual >= ratio && !isLossy }
  })
  const processor = (peer: string): Goal => {
    const goal = `no more processor time than ${peer}`
    const measured = find(peer)
    if (measured === undefined) return missing(goal)
    const [own, other] = [median(slipway.microseconds), median(measured.microseconds)]
    return { work, goal, figure: `${formatFigure(own)} to ${formatFigure(other)} µs`, isMet: own <= other }
  }
  return [
    ...ratios,
    ...(noMoreProcessorThan === undefined ? [] : [processor(noMoreProcessorThan)]),
    ...(maxMemoryMiB === undefined
      ? []
      : [maximum(work, slipway.memoryMiB, { unit: 'MiB', max: maxMemoryMiB })]),
  ]
}

/** Returns a goal that a figure meets if it is below a maximum. */
export function maximum(
  work: string,
  value: number,
  { name = '', unit, max }: { readonly name?: string; readonly unit: string; readonly max: number },
): Goal {
  const goal = `${name === '' ? '' : `${name} `}under ${max} ${unit}`
  return { work, goal, figure: formatFigure(value), isMet: value < max }
}

export const formatGoal = ({ goal, figure, isMet }: Goal): string => `${goal}: ${met(isMet)} (${figure})`

/** Formats the goals of all works, one line for each, how many are met, and what limits the works of the others. */
export function formatGoals(goals: readonly Goal[]): string {
  const rows = goals.map(({ work, goal, figure, isMet }) => [work, goal, figure, met(isMet)])
  const count = goals.filter(({ isMet }) => isMet).length
  const table = formatTable([['work', 'goal', 'figure', 'result'], ...rows], [2])
  return [table, `${count} of ${goals.length} goals met.`, ...limitsOf(goals)].join('\n\n')
}

function limitsOf(goals: readonly Goal[]): string[] {
  const works = new Set(goals.flatMap(({ work, isMet }) => (isMet ? [] : [work])))
  const lines = [...works].map((work) => `- ${work}: ${limitOf(work) ?? 'not profiled yet'}`)
  const head =
    'What limits the works of the missed goals, from profiles (docs/decisions/0027-performance.md):'
  return lines.length === 0 ? [] : [head, lines.join('\n')]
}

export const met = (isMet: boolean): string => (isMet ? 'met' : 'NOT met')
