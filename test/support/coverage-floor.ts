/**
 * Fails `npm test` if the coverage is too low. Pure code needs all lines and branches. Code that decides about disks needs
 * all lines. All code of the product together needs 99 % of the lines; tests also import code that is not below src/.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Counts = { readonly total: number; readonly covered: number; readonly pct: number }
type Coverage = Readonly<Record<'lines' | 'branches', Counts>>

const root = fileURLToPath(new URL('../../', import.meta.url))
const report = `${root}.tap/report/coverage-summary.json`
const pureFolders = /^src\/(?:proto|site|plan)\//
/** Some branches of the store are only for a disk that fails. */
const lineFolders = /^src\/install\//
const minLinesPercent = 99

const summary = JSON.parse(readFileSync(report, 'utf8')) as Readonly<Record<string, Coverage>>
const files = Object.entries(summary)
  .filter(([path]) => path.startsWith(`${root}src/`))
  .map(([path, { lines, branches }]) => ({ name: path.slice(root.length), lines, branches }))
const gaps = files
  .filter(({ name }) => pureFolders.test(name) || lineFolders.test(name))
  .map(({ name, lines, branches }) => ({
    name,
    percent: pureFolders.test(name) ? Math.min(lines.pct, branches.pct) : lines.pct,
  }))
  .filter(({ percent }) => percent < 100)
const sum = (count: 'total' | 'covered') => files.reduce((before, { lines }) => before + lines[count], 0)
/** Rounded down, as the report does. NaN, which is not enough, if the report has no file of the product. */
const linesPercent = Math.floor((10_000 * sum('covered')) / sum('total')) / 100
const isEnough = linesPercent >= minLinesPercent

for (const { name, percent } of gaps) console.error(`${name}: tests reach ${percent} %, expected 100 %`)
if (!isEnough) console.error(`tests reach ${linesPercent} % of all lines, expected ${minLinesPercent} %`)
process.exitCode = gaps.length === 0 && isEnough ? 0 : 1
