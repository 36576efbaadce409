/** The difference of two texts in the unified format of diff(1). Pure. */

const contextLines = 3

/** Returns two versions of a text as one hunk in the unified format, which `patch` reads; nothing when they are equal. */
export function unifiedDiff(file: string, before: string, after: string): string[] {
  if (before === after) return []
  const [old, fresh] = [linesOf(before), linesOf(after)]
  const common = Math.min(old.length, fresh.length)
  let head = 0
  while (head < common && old[head] === fresh[head]) head++
  let tail = 0
  while (tail < common - head && old.at(-1 - tail) === fresh.at(-1 - tail)) tail++
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

/** Splits at newlines; the last one does not start another line. */
function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n')
}
