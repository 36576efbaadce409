/**
 * Ends `npm test` with an error when tests reach less of the code than they did: all of what is pure, every line
 * of what decides over disks, and of the rest all but branches that only a failing machine takes.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

type Percentages = Readonly<Record<'lines' | 'branches', { readonly pct: number }>>

const root = fileURLToPath(new URL('../../', import.meta.url))
const report = `${root}.tap/report/coverage-summary.json`
const pureRooms = /^src\/(?:proto|site|plan)\//
/** Its store has branches for a disk that fails in the middle of something. */
const wholeRooms = /^src\/install\//
const leastLinesOfAll = 99

const { total, ...files } = JSON.parse(readFileSync(report, 'utf8')) as { total: Percentages } & Record<
  string,
  Percentages
>
const gaps = Object.entries(files)
  .map(([path, { lines, branches }]) => ({ name: path.replace(root, ''), lines, branches }))
  .filter(({ name }) => pureRooms.test(name) || wholeRooms.test(name))
  .map(({ name, lines, branches }) => ({
    name,
    least: pureRooms.test(name) ? Math.min(lines.pct, branches.pct) : lines.pct,
  }))
  .filter(({ least }) => least < 100)

for (const { name, least } of gaps) console.error(`${name}: tests reach ${least} %, expected all of it`)
if (total.lines.pct < leastLinesOfAll) {
  console.error(`tests reach ${total.lines.pct} % of all lines, expected ${leastLinesOfAll} %`)
}
process.exitCode = gaps.length === 0 && total.lines.pct >= leastLinesOfAll ? 0 : 1
