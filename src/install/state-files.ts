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

/** Moves all transactions into the database file, so that a copy of this file alone is complete. */
export function checkpoint(database: DatabaseSync): void {
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
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
 * Returns a function that syncs the data of a file, one sync at a time: calls during a sync share the next one, which
 * includes everything that was written before it started.
 */
export function createBackgroundSync(path: string, sync = syncFile): () => Promise<void> {
  return inTurn(() => sync(path))
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

/** Writes the marks of one database. Both functions create a missing mark. */
export type Marks = {
  /** Blocks until the mark is on the disk in each directory. @throws when one of them cannot be written */
  write(changes: number): void
  /** Resolves when this mark, or a later one, is on the disk in each directory. */
  writeSoon(changes: number): Promise<void>
}

export function createMarks(directories: readonly string[], id: string): Marks {
  let latest = 0
  let isWritingSoon = false
  const textOf = () => `${JSON.stringify({ id, changes: latest } satisfies StateMark).padEnd(size - 1)}\n`
  const later = inTurn(async () => {
    isWritingSoon = true
    const text = textOf()
    try {
      await Promise.all(directories.map((directory) => overwrite(join(directory, fileName), text)))
    } finally {
      isWritingSoon = false
    }
  })

  function write(changes: number): void {
    latest = changes
    for (const directory of directories) writeSynced(directory, join(directory, fileName), textOf())
    // A write in progress has an older mark, and may be the last one to reach the file.
    if (isWritingSoon) void later().catch(() => {})
  }

  return {
    write,
    async writeSoon(changes) {
      latest = changes
      // The name of a new file must be on the disk too.
      if (directories.every((directory) => existsSync(join(directory, fileName)))) await later()
      else write(changes)
    },
  }
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

async function overwrite(path: string, text: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.write(text, 0)
    await file.datasync()
  } finally {
    await file.close()
  }
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
