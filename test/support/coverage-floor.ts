/**
 * Fails `npm test` if the coverage is too low. Pure code needs all lines and branches. Code that decides about disks needs
 * all lines. All code together needs 99 % of the lines.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Percentages = Readonly<Record<'lines' | 'branches', { readonly pct: number }>>

const root = fileURLToPath(new URL('../../', import.meta.url))
const report = `${root}.tap/report/coverage-summary.json`
const pureFolders = /^src\/(?:proto|site|plan)\//
/** Some branches of the store are only for a disk that fails. */
const lineFolders = /^src\/install\//
const minLinesPercent = 99

const { total, ...files } = JSON.parse(readFileSync(report, 'utf8')) as { total: Percentages } & Record<
  string,
  Percentages
>
const gaps = Object.entries(files)
  .map(([path, { lines, branches }]) => ({ name: path.replace(root, ''), lines, branches }))
  .filter(({ name }) => pureFolders.test(name) || lineFolders.test(name))
  .map(({ name, lines, branches }) => ({
    name,
    percent: pureFolders.test(name) ? Math.min(lines.pct, branches.pct) : lines.pct,
  }))
  .filter(({ percent }) => percent < 100)

for (const { name, percent } of gaps) console.error(`${name}: tests reach ${percent} %, expected 100 %`)
if (total.lines.pct < minLinesPercent) {
  console.error(`tests reach ${total.lines.pct} % of all lines, expected ${minLinesPercent} %`)
}
process.exitCode = gaps.length === 0 && total.lines.pct >= minLinesPercent ? 0 : 1
