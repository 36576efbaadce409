/** Draws the figures of the scaling work as SVG: both axes are logarithmic, so that a straight line is a power of the nodes. */
import { figures, type Figure, type Point } from './scaling-report.ts'

const [width, height] = [760, 420]
const area = { left: 70, right: 590, top: 40, bottom: 370 }
const labelHeight = 14
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9']

/** @param points at least two sizes, in increasing order */
export function plotFigures(points: readonly Point[]): string {
  const values = points.flatMap((point) => figures.map(({ key }) => point.figures[key]))
  const x = scaleOf(points.map(({ nodes }) => nodes), area.left, area.right) // prettier-ignore
  const y = scaleOf(values, area.bottom, area.top)
  const ticksX = points.map(({ nodes }) => {
    const at = round(x(nodes))
    return `<path d="M${at} ${area.bottom}v6" stroke="#666"/><text x="${at}" y="${area.bottom + 22}" text-anchor="middle">${nodes.toLocaleString('en-US')}</text>`
  })
  const ticksY = powersOfTen(values).map((value) => {
    const at = round(y(value))
    return `<path d="M${area.left} ${at}H${area.right}" stroke="#ddd"/><text x="${area.left - 8}" y="${at + 4}" text-anchor="end">${value.toLocaleString('en-US')}</text>`
  })
  const labelAt = placeLabels((key) => y(points.at(-1)?.figures[key] ?? 1))
  const lines = figures.map(({ key, head }, index) => {
    const color = colors[index] ?? '#000'
    const at = points.map((point) => `${round(x(point.nodes))},${round(y(point.figures[key]))}`)
    const marks = at.map((each) => `<circle cx="${each.replace(',', '" cy="')}" r="3" fill="${color}"/>`)
    return `<polyline points="${at.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>${marks.join('')}<text x="${area.right + 10}" y="${labelAt(key)}" fill="${color}">${head}</text>`
  })
  return `\
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<rect width="${width}" height="${height}" fill="#fff"/>
<text x="${area.left}" y="22" font-size="15">Growth with the number of nodes, one cluster</text>
${ticksY.join('\n')}
${ticksX.join('\n')}
<text x="${(area.left + area.right) / 2}" y="${height - 8}" text-anchor="middle">nodes</text>
${lines.join('\n')}
</svg>
`
}

/** Returns the positions of the labels beside the ends of the lines, moved down where they would overlap. */
function placeLabels(endOf: (key: Figure) => number): (key: Figure) => number {
  const at = new Map<Figure, number>()
  let free = -Infinity
  for (const { key } of figures.toSorted((a, b) => endOf(a.key) - endOf(b.key))) {
    const next = Math.max(endOf(key) + 4, free)
    at.set(key, round(next))
    free = next + labelHeight
  }
  return (key) => at.get(key) ?? 0
}

/** Returns a logarithmic scale from the range of the values to a range of the plot. */
function scaleOf(values: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))]
  return (value) => from + ((Math.log(value) - low) / (high - low)) * (to - from)
}

function powersOfTen(values: readonly number[]): number[] {
  const first = Math.ceil(Math.log10(Math.min(...values)))
  const last = Math.floor(Math.log10(Math.max(...values)))
  return Array.from({ length: last - first + 1 }, (_, index) => 10 ** (first + index))
}

const round = (value: number) => Math.round(value * 10) / 10
