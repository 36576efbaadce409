/**
 * Changes the site file, or prints the change as a diff. A lock beside the file lets one process at a time change it. The kernel
 * releases the lock when its holder ends, even if it crashes: it is SQLite's lock of an empty database (fcntl(2), F_SETLK).
 */
import { open, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { systemClock, type Clock } from '../host/clock.ts'
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

const maxWaitMs = 5000
const retryMs = 50

/**
 * Runs `change` while no other process does so for the same file.
 *
 * @throws {Error} when another process holds the lock for too long, or the lock cannot be created
 */
export async function withLock<T>(path: string, clock: Clock, change: () => Promise<T>): Promise<T> {
  const target = await realpath(path).catch(() => path)
  const lock = join(dirname(target), `.${basename(target)}.lock`)
  const startedMs = clock.monotonic()
  let held = await tryLock(lock)
  while (held === undefined) {
    if (clock.monotonic() - startedMs >= maxWaitMs) {
      throw new Error(
        `another command has held ${lock} for ${maxWaitMs / 1000} s; wait for it, or end the process that \`fuser ${lock}\` shows`,
      )
    }
    await new Promise<void>((resolve) => clock.after(retryMs, resolve))
    held = await tryLock(lock)
  }
  try {
    return await change()
  } finally {
    // Removed while it is held: a process that waits for the removed file notices that, see tryLock.
    await rm(lock, { force: true })
    held.close()
  }
}

/** SQLITE_BUSY and SQLITE_READONLY: another process, or another user, has it. */
const heldByOther: readonly unknown[] = [5, 8]

/** @returns nothing when another process holds the lock */
async function tryLock(lock: string): Promise<DatabaseSync | undefined> {
  await (await open(lock, 'a')).close()
  const before = await inodeOf(lock)
  const database = new DatabaseSync(lock, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (heldByOther.includes((error as { errcode?: unknown }).errcode)) return undefined
    throw error
  }
  // The previous holder can remove the file between our opening and locking it: then the lock is on a deleted file.
  const after = await inodeOf(lock)
  if (after !== undefined && before === after) return database
  database.close()
  return undefined
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino
}
