/** The table and the plot of how slipway grows with its site. */
import t from 'tap'
import { plotFigures } from '../../../bench/scaling/plot.ts'
import { formatScaling, scalingGoals, type Point } from '../../../bench/scaling/scaling-report.ts'

/** Lookups do not grow, reloads grow quadratically, all else proportionally. */
const point = (nodes: number, clusters = 1): Point => ({
  nodes,
  clusters,
  figures: {
    compileMs: nodes,
    startMs: nodes * 2,
    reloadMs: nodes ** 2 / 1000,
    memoryMiB: nodes / 10,
    dnsMicroseconds: 0.5,
    dhcpMicroseconds: 3,
  },
})

// The first size does not count for the exponents, nor do sites of several clusters.
const points = [
  { ...point(10), figures: { ...point(10).figures, compileMs: 500 } },
  point(1000),
  point(10_000),
  { ...point(1000, 100), figures: { ...point(1000).figures, startMs: 99 } },
]

t.test('the table ends with the exponents of the growth from 1,000 nodes', (t) => {
  t.equal(
    formatScaling(points),
    `\
|    nodes | clusters | compile ms | start ms | reload ms | memory MiB | DNS lookup µs | DHCP lookup µs |
| -------: | -------: | ---------: | -------: | --------: | ---------: | ------------: | -------------: |
|       10 |        1 |        500 |     20.0 |     0.100 |       1.00 |         0.500 |           3.00 |
|    1,000 |        1 |      1,000 |    2,000 |     1,000 |        100 |         0.500 |           3.00 |
|   10,000 |        1 |     10,000 |   20,000 |   100,000 |      1,000 |         0.500 |           3.00 |
|    1,000 |      100 |      1,000 |     99.0 |     1,000 |        100 |         0.500 |           3.00 |
| exponent |          |       1.00 |     1.00 |      2.00 |       1.00 |          0.00 |           0.00 |
|          | exponent |       0.00 |    -0.65 |      0.00 |       0.00 |          0.00 |           0.00 |

From 1,000 to 10,000 nodes, n log n has an exponent of 1.12. Faster: reload with the nodes.`,
  )
  t.end()
})

t.test('a figure that grows faster than n log n misses its goal', (t) => {
  t.same(
    scalingGoals('scaling', points).map(({ goal, figure, isMet }) => [goal, figure, isMet]),
    [
      ['compile grows with the nodes with an exponent under 1.2', '1.00', true],
      ['start grows with the nodes with an exponent under 1.2', '1.00', true],
      ['reload grows with the nodes with an exponent under 1.2', '2.00', false],
      ['memory grows with the nodes with an exponent under 1.2', '1.00', true],
      ['DNS lookup grows with the nodes with an exponent under 0.5', '0.00', true],
      ['DHCP lookup grows with the nodes with an exponent under 0.5', '0.00', true],
      ['compile grows with the clusters with an exponent under 1.2', '0.00', true],
      ['start grows with the clusters with an exponent under 1.2', '-0.65', true],
      ['reload grows with the clusters with an exponent under 1.2', '0.00', true],
      ['memory grows with the clusters with an exponent under 1.2', '0.00', true],
      ['DNS lookup grows with the clusters with an exponent under 0.5', '0.00', true],
      ['DHCP lookup grows with the clusters with an exponent under 0.5', '0.00', true],
    ],
  )
  t.end()
})

t.test('the plot has a line for each figure and a tick for each size', (t) => {
  const svg = plotFigures([
    {
      ...{ title: 'Growth', axis: 'nodes', boundFrom: 1000 },
      sizeOf: ({ nodes }) => nodes,
      points: points.filter(({ clusters }) => clusters === 1),
    },
  ])
  t.equal(svg.match(/<polyline[^>]* class="line/g)?.length, 6)
  t.match(svg, /prefers-color-scheme: dark/)
  t.equal(svg.match(/<circle/g)?.length, 18)
  t.match(svg, />10,000<\/text>/)
  t.match(svg, />reload ms<\/text>/)
  t.notMatch(svg, /NaN/)
  // The smallest and the largest value are at the edges of the plot.
  t.match(svg, /cx="70"/)
  t.match(svg, /cx="590" cy="40"/)
  const labels = [...svg.matchAll(/<text x="600" y="([\d.]+)"/g)].map(([, y]) => Number(y))
  const gaps = labels.toSorted((a, b) => a - b).map((y, index, all) => y - (all[index - 1] ?? -Infinity))
  t.ok(
    gaps.every((gap) => gap >= 13.9),
    'labels do not overlap',
  )
  t.end()
})

t.test('the plot compares the growth with n log n, from the first size that counts', (t) => {
  const nodes = { title: 'Growth', axis: 'nodes', sizeOf: (each: Point) => each.nodes }
  const svg = plotFigures([
    { ...nodes, points: [point(10), point(1000), point(10_000)], boundFrom: 1000 },
    { ...nodes, points: [point(10), point(1000)] },
  ])
  const bounds = [...svg.matchAll(/<polyline points="(\S+) (\S+)" class="bound"/g)]
  t.equal(bounds.length, 1)
  const [, first, last] = bounds[0] as unknown as [string, string, string]
  const compiled = /<polyline points="\S+ (\S+) (\S+)" class="line line0"/.exec(svg)
  t.equal(last, compiled?.[2], 'both end at the same point')
  const [boundY, lineY] = [first, compiled?.[1] ?? ''].map((each) => Number(each.split(',')[1]))
  t.ok((boundY ?? 0) > (lineY ?? 0), 'n log n is steeper than a proportional growth')
  t.match(svg, /translate\(0 420\)/, 'the second diagram is below')
  t.end()
})
