/** How the state gets to the disk: consistent copies of the database, syncs, and the mark that shows a lost database. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  constants,
  fdatasyncSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { open } from 'node:fs/promises'
import { inTurn } from '../host/in-turn.ts'

/** Thrown when a file is not a usable state, or when it cannot be written; the message is a sentence. */
export class StateProblemError extends Error {
  override readonly name = 'StateProblemError'
}

/**
 * Writes a consistent copy of an open database.
 *
 * @param database of the running slipway
 * @throws {StateProblemError} if `target` exists or cannot be written
 */
export function backupDatabase(database: DatabaseSync, target: string): void {
  if (existsSync(target)) throw new StateProblemError(`${target} exists: choose another file, or delete it`)
  const partial = `${target}.partial`
  try {
    rmSync(partial, { force: true })
    database.prepare('VACUUM INTO ?').run(partial)
    syncPath(partial)
    renameSync(partial, target)
    syncPath(dirname(target))
  } catch (error) {
    rmSync(partial, { force: true })
    throw new StateProblemError(`cannot write ${target}: ${(error as Error).message}`)
  }
}

/** Writes a file or directory through to the disk. */
export function syncPath(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

// Syncs a file to the disk without blocking the event loop.

/**
 * Returns a function that starts to sync the data of a file, one sync at a time: calls during a sync share the next one.
 * A failure is not reported: use it only for data that can be lost.
 */
export function createBackgroundSync(path: string, sync = syncFile): () => void {
  const start = inTurn(() => sync(path))
  return () => void start().catch(() => {})
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}

// A mark outside of the database which proves that the state was used: it names the database and counts its changes.
// A missing, empty, older, or foreign database beside a mark is a loss, and not a first start.

export type StateMark = {
  /** Identifies the database. */
  readonly id: string
  /** Number of transactions that changed the record of a machine. */
  readonly changes: number
}

const fileName = 'install.mark'
/** A fixed size, so that updating the mark needs no additional disk space. */
const size = 128

/** Returns the marks in `directories`; a damaged mark counts as one that no database matches. */
export function readMarks(directories: readonly string[]): StateMark[] {
  return directories.flatMap((directory) => {
    const text = readText(join(directory, fileName))
    return text === undefined ? [] : [parseMark(text)]
  })
}

/** Writes the mark into each directory and syncs it. @throws when one of them cannot be written */
export function writeMarks(directories: readonly string[], mark: StateMark): void {
  const text = `${JSON.stringify(mark).padEnd(size - 1)}\n`
  for (const directory of directories) writeSynced(directory, join(directory, fileName), text)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}

function parseMark(text: string): StateMark {
  try {
    const { id, changes } = JSON.parse(text) as Partial<StateMark>
    if (typeof id === 'string' && typeof changes === 'number') return { id, changes }
  } catch {
    // Reported by the caller: no database has an empty ID.
  }
  return { id: '', changes: 0 }
}

function writeSynced(directory: string, path: string, text: string): void {
  const isNew = !existsSync(path)
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    writeSync(file, text, 0)
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
  // The event loop waits for each sync, so the name of the file is synced only once.
  if (!isNew) return
  const folder = openSync(directory, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
