/** Lists in sentences and on screens, cut where they get long. Pure. */

/** `a, b`, or `a, b and 3 more`. */
export function listSome(items: readonly string[], max: number): string {
  const shown = items.slice(0, max).join(', ')
  return items.length > max ? `${shown} ${more(items.length - max)}` : shown
}

/** The first `max` lines, and one for those left out: `and 3 more`. */
export function firstLines(lines: readonly string[], max: number, hint = ''): string[] {
  return lines.length > max ? [...lines.slice(0, max), more(lines.length - max) + hint] : [...lines]
}

function more(count: number): string {
  return `and ${count} more`
}
