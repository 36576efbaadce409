/**
 * Draws the figures of the scaling work as SVG: all axes are logarithmic, so that a straight line is a power of the size. The
 * colors follow the light or dark mode of the reader.
 */
import { figures, type Figure, type Point } from './scaling-report.ts'

const width = 760
const panelHeight = 420
const area = { left: 70, right: 590, top: 40, bottom: 370 }
const labelHeight = 14

/** Each figure has a color for light and one for dark backgrounds. */
const colors: readonly (readonly [light: string, dark: string])[] = [
  ['#0072b2', '#56b4e9'],
  ['#c44e00', '#ff9f5a'],
  ['#00795a', '#35c79a'],
  ['#b0558a', '#e39ac6'],
  ['#8a6100', '#f0c04c'],
  ['#5b4bc4', '#b3a8ff'],
]
const styles = `\
svg { background: #fff; fill: #222; font: 12px sans-serif }
.head { font-size: 15px }
.grid { stroke: #ddd }
.axis { stroke: #666 }
.bound { stroke: #666; stroke-dasharray: 5 4; fill: none }
.line { stroke-width: 2; fill: none }
${colors.map(([light], index) => colorRule(index, light)).join('\n')}
@media (prefers-color-scheme: dark) {
svg { background: #0d1117; fill: #e6edf3 }
.grid { stroke: #2b323b }
.axis, .bound { stroke: #9aa4af }
${colors.map(([, dark], index) => colorRule(index, dark)).join('\n')}
}`

/** One diagram of the plot: how the figures grow with one kind of size. */
export type Panel = {
  readonly title: string
  readonly axis: string
  readonly sizeOf: (point: Point) => number
  /** At least two sizes, in increasing order. */
  readonly points: readonly Point[]
  /** Also draws n log n, from the first size at which the growth counts on. */
  readonly boundFrom?: number
}

export function plotFigures(panels: readonly Panel[]): string {
  const height = panelHeight * panels.length
  const drawn = panels.map(
    (panel, index) => `<g transform="translate(0 ${panelHeight * index})">\n${drawPanel(panel)}\n</g>`,
  )
  return `\
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<style>
${styles}
</style>
${drawn.join('\n')}
</svg>
`
}

function drawPanel({ title, axis, sizeOf, points, boundFrom }: Panel): string {
  const values = points.flatMap((point) => figures.map(({ key }) => point.figures[key]))
  const x = scaleOf(points.map(sizeOf), area.left, area.right)
  const y = scaleOf(values, area.bottom, area.top)
  const ticksX = points.map((point) => {
    const at = round(x(sizeOf(point)))
    return `<path d="M${at} ${area.bottom}v6" class="axis"/><text x="${at}" y="${area.bottom + 22}" text-anchor="middle">${sizeOf(point).toLocaleString('en-US')}</text>`
  })
  const ticksY = powersOfTen(values).map((value) => {
    const at = round(y(value))
    return `<path d="M${area.left} ${at}H${area.right}" class="grid"/><text x="${area.left - 8}" y="${at + 4}" text-anchor="end">${value.toLocaleString('en-US')}</text>`
  })
  const labelAt = placeLabels((key) => y(points.at(-1)?.figures[key] ?? 1))
  const lines = figures.map(({ key, head }, index) => {
    const at = points.map((point) => `${round(x(sizeOf(point)))},${round(y(point.figures[key]))}`)
    const marks = at.map((each) => `<circle cx="${each.replace(',', '" cy="')}" r="3" class="mark${index}"/>`)
    return `<polyline points="${at.join(' ')}" class="line line${index}"/>${marks.join('')}<text x="${area.right + 10}" y="${labelAt(key)}" class="mark${index}">${head}</text>`
  })
  const bound = boundFrom === undefined ? '' : drawBound(points, { x, y, sizeOf, from: boundFrom })
  return `\
<text x="${area.left}" y="22" class="head">${title}</text>
${ticksY.join('\n')}
${ticksX.join('\n')}
<text x="${(area.left + area.right) / 2}" y="${panelHeight - 8}" text-anchor="middle">${axis}</text>
${bound}
${lines.join('\n')}`
}

type Scales = Pick<Panel, 'sizeOf'> & {
  readonly x: (size: number) => number
  readonly y: (value: number) => number
  readonly from: number
}

/** Draws n log n so that it ends with the time of the largest compilation: only its slope matters. */
function drawBound(points: readonly Point[], { x, y, sizeOf, from }: Scales): string {
  const last = points.at(-1)
  const sizes = points.map(sizeOf).filter((size) => size >= from)
  if (last === undefined) return ''
  const end = last.figures.compileMs
  const grown = (size: number) => size * Math.log(size)
  const at = sizes.map((size) => [x(size), y((end * grown(size)) / grown(sizeOf(last)))].map(round).join(','))
  const [labelX = 0, labelY = 0] = (at[0] ?? '').split(',').map(Number)
  return `<polyline points="${at.join(' ')}" class="bound"/><text x="${labelX}" y="${labelY + 20}" text-anchor="middle">n log n</text>`
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

function colorRule(index: number, color: string): string {
  return `.line${index} { stroke: ${color} }\n.mark${index} { fill: ${color} }`
}

const round = (value: number) => Math.round(value * 10) / 10
