/** Tables as Markdown, which a terminal shows well too: columns of one width, figures to the right. */

/** @param rows the first one is the head; a column is of figures when `figures` names its index */
export function formatTable(rows: readonly (readonly string[])[], figures: readonly number[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(3, ...rows.map((row) => (row[column] ?? '').length)))
  const isFigure = (column: number) => figures.includes(column)
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const padded = (row: readonly string[]) =>
    line(widths.map((width, column) => pad(row[column] ?? '', width, isFigure(column))))
  const rule = line(
    widths.map((width, column) => (isFigure(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))),
  )
  return [padded(head), rule, ...body.map(padded)].join('\n')
}

function pad(text: string, width: number, toTheRight: boolean): string {
  return toTheRight ? text.padStart(width) : text.padEnd(width)
}

/** Three significant digits, thousands set apart: `1.41`, `9.40`, `118,000`. */
export function formatFigure(value: number): string {
  if (value >= 100) {
    const magnitude = 10 ** (Math.floor(Math.log10(value)) - 2)
    return (Math.round(value / magnitude) * magnitude).toLocaleString('en-US')
  }
  return value === 0 ? '0' : value.toPrecision(3)
}
