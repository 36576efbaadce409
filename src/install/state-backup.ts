/**
 * Backup, check, and restore of the state directory. A backup is one file that SQLite writes consistently while slipway
 * serves; a restored state is marked as one, because machines may have been installed since.
 */
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { databaseName, StateInUse } from './open-store.ts'
import { backupDatabase, StateProblemError, syncPath } from './state-files.ts'
import { readIntactStates, schemaVersion } from './store-schema.ts'

export type StateSummary = {
  readonly path: string
  readonly schema: number
  readonly site?: string
  readonly machines: number
  /** Machines whose record cannot be read. */
  readonly unreadable: readonly string[]
  /** Why the records are incomplete; absent if they are not. */
  readonly incomplete?: string
  readonly observations: number
  /** Time of the last observation, milliseconds since 1970; 0 if there is none. */
  readonly lastAt: number
}

/** Writes a consistent copy of the state directory of a slipway that does not run. @throws {StateProblemError} */
export function backupState(directory: string, target: string): StateSummary {
  const path = join(directory, databaseName)
  using(path, true, (database) => {
    // A running slipway holds the lock. This check reports that it is running.
    database.prepare('SELECT count(*) FROM sqlite_schema').get()
    backupDatabase(database, target)
  })
  return checkState(target)
}

/** Checks a backup, or the database of a slipway that does not run. @throws {StateProblemError} for a damaged one */
export function checkState(path: string): StateSummary {
  return using(path, true, (database) => {
    const { integrity_check: result } = database.prepare('PRAGMA integrity_check(1)').get() as {
      integrity_check: string
    }
    if (result !== 'ok') throw new StateProblemError(`${path} is damaged: ${result}`)
    const { user_version: schema } = database.prepare('PRAGMA user_version').get() as { user_version: number }
    if (schema !== schemaVersion) {
      throw new StateProblemError(`${path} has schema ${schema}, expected ${schemaVersion}`)
    }
    const { states, unreadable } = readIntactStates(database)
    const seen = database
      .prepare('SELECT count(*) AS observations, coalesce(max(last_at), 0) AS lastAt FROM observations')
      .get() as { observations: number; lastAt: number }
    const meta = (key: string): string | undefined =>
      (database.prepare('SELECT value FROM meta WHERE key = ?').get(key) as { value: string } | undefined)
        ?.value
    const [site, incomplete] = [meta('site'), meta('incomplete')]
    return {
      path,
      schema,
      machines: states.size - unreadable.length,
      unreadable,
      ...seen,
      ...(site !== undefined && { site }),
      ...(incomplete !== undefined && { incomplete }),
    }
  })
}

/**
 * Puts a backup into a state directory whose slipway does not run. The mark stays: the next start sees that the records
 * are older than the last ones, and installs nothing without an administrator.
 *
 * @returns the path of the previous database, which is kept; undefined if there was none
 * @throws {StateProblemError} if the backup is damaged, or slipway runs
 */
export function restoreState(source: string, directory: string, now: number): string | undefined {
  checkState(source)
  const path = join(directory, databaseName)
  const isPresent = existsSync(path)
  // Takes and releases the lock: a running slipway holds it.
  if (isPresent) using(path, false, (database) => database.exec('BEGIN EXCLUSIVE; COMMIT'))
  const incoming = `${path}.restoring`
  using(source, true, (database) => {
    rmSync(incoming, { force: true })
    backupDatabase(database, incoming)
  })
  const reason = `the state was restored from ${source}: machines may have been installed since`
  using(incoming, false, (database) => {
    database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run('incomplete', reason)
    database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run('restored', reason)
  })
  const aside = isPresent
    ? `${path}.before-restore-${new Date(now).toISOString().replaceAll(':', '-')}`
    : undefined
  if (aside !== undefined) {
    for (const end of ['', '-wal', '-shm']) if (existsSync(path + end)) renameSync(path + end, aside + end)
  }
  renameSync(incoming, path)
  syncPath(directory)
  return aside
}

function using<T>(path: string, readOnly: boolean, run: (database: DatabaseSync) => T): T {
  if (!existsSync(path)) throw new StateProblemError(`${path} does not exist: check the path`)
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly, timeout: 0 })
    return run(database)
  } catch (error) {
    if (error instanceof StateProblemError) throw error
    const isBusy = ((error as { errcode?: number }).errcode ?? 0) % 256 === 5
    throw isBusy
      ? new StateInUse(`${path} is in use: stop slipway first, or make the backup through the running one`)
      : new StateProblemError(`${path} cannot be read: ${(error as Error).message}; use another backup`)
  } finally {
    database?.close()
  }
}
