/** Two versions of a text as one hunk in the unified form, which `patch` reads too. Pure. */

const contextLines = 3

/** For changes in one place; nothing when there are none. */
export function unifiedDiff(file: string, before: string, after: string): string[] {
  if (before === after) return []
  const [old, fresh] = [linesOf(before), linesOf(after)]
  const most = Math.min(old.length, fresh.length)
  let head = 0
  while (head < most && old[head] === fresh[head]) head++
  let tail = 0
  while (tail < most - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail++
  const start = Math.max(0, head - contextLines)
  const context = (from: number, to: number) => old.slice(from, to).map((line) => ` ${line}`)
  const behind = old.length - tail
  const end = Math.min(old.length, behind + contextLines)
  return [
    `--- ${file}`,
    `+++ ${file}`,
    `@@ -${start + 1},${end - start} +${start + 1},${end - start + fresh.length - old.length} @@`,
    ...context(start, head),
    ...old.slice(head, behind).map((line) => `-${line}`),
    ...fresh.slice(head, fresh.length - tail).map((line) => `+${line}`),
    ...context(behind, end),
  ]
}

/** The last newline ends a line and begins none. */
function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n')
}
