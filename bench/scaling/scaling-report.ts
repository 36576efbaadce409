/** The table of the scaling work, with the growth of each figure. */
import type { Goal } from '../goals.ts'
import { growthExponent } from '../statistics.ts'
import { formatFigure, formatTable } from '../table.ts'

/** The figures of one site. Memory is that after the start. */
export type Point = {
  readonly nodes: number
  readonly clusters: number
  readonly figures: Readonly<
    Record<
      'compileMs' | 'startMs' | 'reloadMs' | 'memoryMiB' | 'dnsMicroseconds' | 'dhcpMicroseconds',
      number
    >
  >
}

export type Figure = keyof Point['figures']

/**
 * Smaller sites mainly show the fixed costs. From here to 20,000 nodes, n log n is an exponent of 1.12; the rest of the
 * bound is for the precision of the measurement.
 */
const minNodes = 1000
const maxExponent = 1.2
/** A lookup grows with the misses of the processor's caches, and far less than the site. */
const maxLookupExponent = 0.5

export const figures: readonly { readonly key: Figure; readonly head: string; readonly max: number }[] = [
  { key: 'compileMs', head: 'compile ms', max: maxExponent },
  { key: 'startMs', head: 'start ms', max: maxExponent },
  { key: 'reloadMs', head: 'reload ms', max: maxExponent },
  { key: 'memoryMiB', head: 'memory MiB', max: maxExponent },
  { key: 'dnsMicroseconds', head: 'DNS lookup µs', max: maxLookupExponent },
  { key: 'dhcpMicroseconds', head: 'DHCP lookup µs', max: maxLookupExponent },
]

/** The last row has the exponents of growth with the nodes of one cluster. */
export function formatScaling(points: readonly Point[]): string {
  const rows = points.map((point) => [
    point.nodes.toLocaleString('en-US'),
    String(point.clusters),
    ...figures.map(({ key }) => formatFigure(point.figures[key])),
  ])
  const exponents = figures.map(({ key }) => exponentOf(points, key).toFixed(2))
  const head = ['nodes', 'clusters', ...figures.map((each) => each.head)]
  return formatTable([head, ...rows, ['exponent', '', ...exponents]], [...head.keys()])
}

export function scalingGoals(work: string, points: readonly Point[]): Goal[] {
  return figures.map(({ key, head, max }) => {
    const exponent = exponentOf(points, key)
    const name = head.replace(/ \S+$/, '')
    return {
      ...{ work, goal: `${name} grows with an exponent under ${max}` },
      ...{ figure: exponent.toFixed(2), isMet: exponent < max },
    }
  })
}

function exponentOf(points: readonly Point[], key: Figure): number {
  const large = points.filter(({ nodes, clusters }) => nodes >= minNodes && clusters === 1)
  return growthExponent(large.map(({ nodes, figures: each }) => ({ size: nodes, value: each[key] })))
}
