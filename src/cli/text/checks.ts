/** The results of checks as lines: status, name, sentence, and what to do. Pure. */
import type { CheckResult } from '../../preflight/check.ts'
import { formatDuration, pluralize } from '../../text/format.ts'
import { alignColumns, printable, wrap } from '../../text/lines.ts'
import { paint, type OutputStyle, type Style } from './output.ts'

const styles: Readonly<Record<CheckResult['status'], Style>> = {
  ok: 'green',
  warning: 'yellow',
  failure: 'red',
}

export function checkLines(results: readonly CheckResult[], output: OutputStyle): string[] {
  const statusColumns = Math.max(...Object.keys(styles).map((status) => status.length))
  const nameColumns = Math.max(...results.map(({ check }) => check.length))
  const indent = ' '.repeat(statusColumns + nameColumns + 4)
  return results.flatMap(({ check, status, text, remedy }) => {
    const lines = [text, ...(remedy === undefined ? [] : [`-> ${remedy}`])].flatMap((each) =>
      wrap(printable(each), Math.max(20, output.columns - indent.length)),
    )
    const head = `${paint(output, styles[status], status.padEnd(statusColumns))}  ${check.padEnd(nameColumns)}  `
    return lines.map((line, index) => (index === 0 ? head : indent) + line)
  })
}

/** `13 ok, 2 warnings, 1 failure` */
export function summaryLine(results: readonly CheckResult[]): string {
  const count = (status: CheckResult['status']) => results.filter((result) => result.status === status).length
  return `${count('ok')} ok, ${pluralize(count('warning'), 'warning')}, ${pluralize(count('failure'), 'failure')}`
}

/** Most frequent first. */
const maxRefusals = 10

/** @param refusals counts by code, since the start */
export function refusalLines(
  refusals: Readonly<Record<string, number>>,
  meanings: ReadonlyMap<string, string>,
  uptimeSeconds: number,
): string[] {
  const sorted = Object.entries(refusals).sort(([, one], [, other]) => other - one)
  if (sorted.length === 0) return []
  const rows = sorted
    .slice(0, maxRefusals)
    .map(([code, count]) => [String(count), code, meanings.get(code) ?? ''])
  const hidden = sorted.length - maxRefusals
  return [
    '',
    `Refused requests since the start ${formatDuration(uptimeSeconds * 1000)} ago:`,
    ...alignColumns(rows).map((line) => `  ${line}`),
    ...(hidden > 0 ? [`  and ${pluralize(hidden, 'more code')}: slipway doctor --json`] : []),
  ]
}
