/** Text cut to a number of columns. Pure. */

/** Returns at most `columns` characters; the last one is `…` where text is missing. */
export function clip(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`
}
