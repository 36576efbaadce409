/**
 * Text broken into lines, cut to a number of columns, in tables, and made safe: without characters that move the cursor of a
 * terminal or break a line of a log. Pure.
 */

/** A number with its unit (`4 min ago`), a time with its date, or a word. */
const unbroken =
  /\S*\d (?:%|m?s|min|h|d|B|[KMGT]iB)(?![a-z])(?:\/s)?(?: ago)?\S*|\S*\d-\d\d \d\d:\d\d\S*(?: UTC\S*)?|\S+/g

/**
 * Breaks text at blanks into lines of at most `columns`, but not between a number and its unit; a longer word gets a line
 * for itself.
 */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.replaceAll(/\s+/g, ' ').match(unbroken) ?? []) {
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

/**
 * Breaks a line with aligned cells or colors at blanks into lines of at most `columns`. Blanks within a line stay, the
 * following lines are indented, and a longer word is not broken.
 */
export function foldLine(line: string, columns: number): string[] {
  const indent = ' '.repeat((/^ */.exec(line)?.[0].length ?? 0) + 4)
  const lines: string[] = []
  let rest = line
  for (;;) {
    const at = foldPosition(rest, columns, indent.length)
    if (at === undefined) return [...lines, rest]
    lines.push(rest.slice(0, at).trimEnd())
    rest = indent + rest.slice(at).trimStart()
  }
}

/** Starts a color. */
const escape = '\x1b'

/** Returns where to break: at the last blank that fits, or at the first one; `undefined` if the line fits, or has none. */
function foldPosition(line: string, columns: number, indent: number): number | undefined {
  let column = 0
  let position: number | undefined
  for (let at = 0; at < line.length; at++) {
    const color = line[at] === escape ? /^\[\d+m/.exec(line.slice(at + 1, at + 6))?.[0] : undefined
    if (color !== undefined) {
      at += color.length
      continue
    }
    if (column >= columns && position !== undefined) return position
    if (line[at] === ' ' && column >= indent && line[at + 1] !== ' ') position = at
    column++
  }
  return column > columns ? position : undefined
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

/** C1 controls, characters that change the direction of text or have no width, and line separators. */
const invisible = '\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff'
const unprintable = new RegExp(`[\\x00-\\x1f${invisible}]`, 'g')
const unprintableInJson = new RegExp(`[${invisible}]`, 'g')

/**
 * Makes text safe for terminals: replaces control characters, and characters that change the direction of text, with
 * `replacement`. The length stays the same.
 */
export function printable(text: string, replacement = '?'): string {
  return text.replaceAll(unprintable, replacement)
}

/** Returns the text in double quotes, at most `maxLength` characters of it, with everything unprintable escaped. */
export function quoteText(text: string, maxLength = 80): string {
  return JSON.stringify(clip(text, maxLength)).replaceAll(
    unprintableInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Shortens text for logs, packets, and iPXE to `maxLength` characters and replaces all but printable ASCII with `?`. */
export function printableAscii(text: string, maxLength = Infinity): string {
  return text.slice(0, maxLength).replaceAll(/[^\x20-\x7e]/g, '?')
}
