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
import { unifiedDiff } from '../text/unified-diff.ts'

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
