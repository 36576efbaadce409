/**
 * A lock beside a file, so that one process at a time changes it. The kernel releases the lock when its holder ends, even if
 * it crashes: it is SQLite's lock of an empty database (fcntl(2), F_SETLK).
 */
import { open, realpath, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from './clock.ts'

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
