/** Markdown tables that are also readable in a terminal: aligned columns, numbers to the right. */

/** @param rows the first row is the head @param numeric indexes of the columns with numbers */
export function formatTable(rows: readonly (readonly string[])[], numeric: readonly number[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)))
  const isNumeric = (column: number) => numeric.includes(column)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const padded = (row: readonly string[]) =>
    line(widths.map((width, column) => pad(row[column] ?? '', width, isNumeric(column))))
  const rule = line(
    widths.map((width, column) => (isNumeric(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))),
  )
  return [padded(head), rule, ...body.map(padded)].join('\n')
}

function pad(text: string, width: number, alignRight: boolean): string {
  return alignRight ? text.padStart(width) : text.padEnd(width)
}

/** Formats three significant digits with thousands separators: `1.41`, `9.40`, `118,000`. */
export function formatFigure(value: number): string {
  if (value >= 100) {
    const magnitude = 10 ** (Math.floor(Math.log10(value)) - 2)
    return (Math.round(value / magnitude) * magnitude).toLocaleString('en-US')
  }
  return value === 0 ? '0' : value.toPrecision(3)
}
