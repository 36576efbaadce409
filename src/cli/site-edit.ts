/** Changes the site file, or prints the change as a diff. A lock beside the file lets one process at a time change it. */
import { resolve } from 'node:path'
import { systemClock } from '../host/clock.ts'
import { withLock } from '../host/file-lock.ts'
import { writeAtomically } from '../host/files.ts'
import { readSite, unreadableSite } from '../site-file.ts'
import type { Adopted, Unchanged } from '../site/edit/add.ts'
import type { Removed } from '../site/edit/remove.ts'
import { formatProblem } from '../site/problem.ts'
import type { Terminal } from './command.ts'
import { fileProblem, isSystemError } from '../text/file-problem.ts'

export type SiteEdit = {
  /** The command that messages name: `node adopt`. */
  readonly command: string
  readonly sitePath: string
  /** Only prints what would change. */
  readonly isDry: boolean
  readonly terminal: Terminal
}

/** Returns nothing when the change was refused; the reason is printed. */
export async function editSite<T extends Adopted | Removed>(
  edit: SiteEdit,
  change: (text: string, file: string) => T,
): Promise<Exclude<T, Unchanged> | undefined> {
  const { command, sitePath, isDry, terminal } = edit
  let outcome: Exclude<T, Unchanged> | string
  try {
    const attempt = () => attemptEdit(edit, change)
    outcome = isDry ? await attempt() : await withLock(resolve(sitePath), systemClock, attempt)
  } catch (error) {
    outcome = isSystemError(error)
      ? fileProblem('write', `the site file ${sitePath}`, error)
      : `cannot write the site file ${sitePath}: ${(error as Error).message}`
  }
  if (typeof outcome !== 'string') return outcome
  terminal.err(`slipway ${command}: ${outcome}`)
  return undefined
}

/** Returns a sentence when nothing was changed. @throws when the file cannot be written */
async function attemptEdit<T extends Adopted | Removed>(
  { sitePath, isDry, terminal }: SiteEdit,
  change: (text: string, file: string) => T,
): Promise<Exclude<T, Unchanged> | string> {
  const file = resolve(sitePath)
  let text: string
  try {
    text = (await readSite(sitePath)).text
  } catch (error) {
    return unreadableSite(sitePath, error as NodeJS.ErrnoException)
  }
  const changed: Adopted | Removed = change(text, file)
  if (changed.kind === 'refused') return changed.reason
  if (changed.kind === 'problems') {
    for (const problem of changed.problems) terminal.err(formatProblem({ ...problem, file: sitePath }))
    return `the site file ${changed.when === 'before' ? 'has' : 'would have'} errors; nothing was written: correct the lines above and run the command again`
  }
  if (isDry) for (const line of unifiedDiff(sitePath, text, changed.text)) terminal.out(line)
  else if (changed.text !== text) await writeAtomically(file, changed.text)
  return changed as Exclude<T, Unchanged>
}

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
