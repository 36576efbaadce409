/** Consistent copies of an SQLite database, synced to the disk. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'

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
