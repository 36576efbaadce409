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
export const minNodes = 1000
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

/** How the figures grow with one kind of size. */
type Growth = {
  readonly name: 'nodes' | 'clusters'
  readonly sizeOf: (point: Point) => number
  /** Which sites show it. */
  readonly isPartOf: (point: Point) => boolean
}

const growths: readonly Growth[] = [
  {
    name: 'nodes',
    sizeOf: ({ nodes }) => nodes,
    isPartOf: ({ nodes, clusters }) => nodes >= minNodes && clusters === 1,
  },
  { name: 'clusters', sizeOf: ({ clusters }) => clusters, isPartOf: ({ nodes }) => nodes === minNodes },
]

/** The last rows have the exponents of growth with the nodes of one cluster, and with the clusters of the same nodes. */
export function formatScaling(points: readonly Point[]): string {
  const rows = points.map((point) => [
    point.nodes.toLocaleString('en-US'),
    String(point.clusters),
    ...figures.map(({ key }) => formatFigure(point.figures[key])),
  ])
  const exponents = growths.map((growth) => {
    const texts = figures.map(({ key }) => exponentOf(points, growth, key).toFixed(2))
    return growth.name === 'nodes' ? ['exponent', '', ...texts] : ['', 'exponent', ...texts]
  })
  const head = ['nodes', 'clusters', ...figures.map((each) => each.head)]
  return `${formatTable([head, ...rows, ...exponents], [...head.keys()])}\n\n${formatVerdict(points)}`
}

/** States whether anything grows faster than n log n. */
function formatVerdict(points: readonly Point[]): string {
  const largest = Math.max(...points.map(({ nodes }) => nodes))
  const grown = (size: number) => size * Math.log(size)
  const bound = Math.log(grown(largest) / grown(minNodes)) / Math.log(largest / minNodes)
  const faster = growths.flatMap((growth) =>
    figures
      .filter(({ key }) => exponentOf(points, growth, key) > bound)
      .map(({ head }) => `${withoutUnit(head)} with the ${growth.name}`),
  )
  const verdict = faster.length === 0 ? 'Nothing grows faster.' : `Faster: ${faster.join(', ')}.`
  const range = `From ${minNodes.toLocaleString('en-US')} to ${largest.toLocaleString('en-US')} nodes`
  return `${range}, n log n has an exponent of ${bound.toFixed(2)}. ${verdict}`
}

export function scalingGoals(work: string, points: readonly Point[]): Goal[] {
  return growths.flatMap((growth) =>
    figures.map(({ key, head, max }) => {
      const exponent = exponentOf(points, growth, key)
      return {
        ...{ work, goal: `${withoutUnit(head)} grows with the ${growth.name} with an exponent under ${max}` },
        ...{ figure: exponent.toFixed(2), isMet: exponent < max },
      }
    }),
  )
}

function exponentOf(points: readonly Point[], { sizeOf, isPartOf }: Growth, key: Figure): number {
  const part = points.filter(isPartOf)
  return growthExponent(part.map((point) => ({ size: sizeOf(point), value: point.figures[key] })))
}

const withoutUnit = (head: string) => head.replace(/ \S+$/, '')
