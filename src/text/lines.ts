/** Text broken into lines, cut to a number of columns, and in tables. Pure. */

/** Breaks text at blanks into lines of at most `columns`; a longer word gets a line for itself. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    const longer = line === '' ? word : `${line} ${word}`
    if (longer.length <= columns || line === '') {
      line = longer
    } else {
      lines.push(line)
      line = word
    }
  }
  return line === '' ? lines : [...lines, line]
}

/** Returns at most `columns` characters; the last one is `…` where text is missing. */
export function clip(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`
}

/**
 * Aligns cells: each column is as wide as its widest cell, and the last cell of a row is not padded. A row with fewer
 * cells than others lets its last cell extend over the columns that it lacks.
 */
export function alignColumns(rows: readonly (readonly string[])[], gap = '  '): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join(gap)
      .trimEnd(),
  )
}
