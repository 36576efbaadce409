/**
 * What must outlive the process: each node's state and what was seen of it, in a database of SQLite's (WAL,
 * every commit on the disk before it returns). One process at a time; a damaged database is set aside whole.
 */
import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { State } from './machine.ts'
import type { Observation } from './observation.ts'

export type Store = {
  /** Why nothing is known of the time before; a sentence, absent when nothing was lost. */
  readonly loss?: string
  /** As of the opening. */
  readonly states: ReadonlyMap<string, State>
  /** When anything was last seen of a node, as of the opening. */
  readonly lastSeen: ReadonlyMap<string, number>
  /** Of the last observation that was kept, 0 when there is none. */
  readonly lastSequence: number
  /**
   * One transaction, on the disk when this returns.
   *
   * @param states undefined for a node that is to be forgotten, with all that was seen of it
   * @throws when it cannot be kept; then nothing of it is
   */
  keep(states: ReadonlyMap<string, State | undefined>, observations: readonly Observation[]): void
  /** Oldest first. */
  history(node: string): readonly Observation[]
  /** Takes away the progress of downloads: wanted only while they are under way. */
  forgetProgress(node: string): void
  /** Takes away what is too old or too much. */
  prune(now: number): void
  close(): void
}

/** Thrown when there can be no store; the message is a sentence for the operator. */
export class WriteFailed extends Error {
  override readonly name = 'CannotKeep'
}

const fileName = 'install.db'
const schemaVersion = 1
export const mostObservations = 2000
export const oldestMs = 30 * 24 * 60 * 60_000

/** @throws {WriteFailed} */
export function openStore(directory: string, now: number): Store {
  const path = join(directory, fileName)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new WriteFailed(`cannot make the state directory ${directory}: ${(error as Error).message}`)
  }
  const opened = tryOpen(path)
  if (typeof opened !== 'string') return storeOf(opened, lossBefore(directory, opened))
  const aside = setAside(path, now)
  const fresh = tryOpen(path)
  if (typeof fresh === 'string') throw new WriteFailed(`cannot make ${path}: ${fresh}`)
  return storeOf(fresh, `${path} was damaged (${opened}) and is now ${aside}`)
}

/** An empty database beside one that was set aside: the process ended before it could write anything of its own. */
function lossBefore(directory: string, database: DatabaseSync): string | undefined {
  if (readStates(database).size > 0) return undefined
  const aside = readdirSync(directory).find((name) => name.startsWith(`${fileName}.damaged-`))
  return aside && `${join(directory, aside)} was set aside because it was damaged`
}

/** For the demonstration, simulations and tests. */
export function openMemoryStore(): Store {
  return storeOf(prepare(new DatabaseSync(':memory:')))
}

/**
 * @returns the database, or what is damaged of it
 * @throws {WriteFailed} for what no new database would mend
 */
function tryOpen(path: string): DatabaseSync | string {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    // The lock is taken with the first read and held until the process ends, however it ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('BEGIN IMMEDIATE; COMMIT')
    const { quick_check: verdict } = database.prepare('PRAGMA quick_check(1)').get() as {
      quick_check: string
    }
    if (verdict !== 'ok') throw new Damaged(verdict)
    prepare(database)
    readStates(database)
    return database
  } catch (error) {
    database?.close()
    const damage = damageOf(error)
    if (damage !== undefined) return damage
    throw new WriteFailed(reasonOf(path, error as Error), { cause: error })
  }
}

class Damaged extends Error {}

/** SQLite's primary result codes: https://sqlite.org/rescode.html */
const SqliteCode = { busy: 5, corrupt: 11, notADatabase: 26 } as const

function damageOf(error: unknown): string | undefined {
  if (error instanceof Damaged) return error.message
  const code = primaryCode(error)
  const isDamage = code === SqliteCode.corrupt || code === SqliteCode.notADatabase
  return isDamage ? (error as Error).message : undefined
}

function reasonOf(path: string, error: Error): string {
  if (error instanceof WriteFailed) return error.message
  if (primaryCode(error) === SqliteCode.busy) {
    return `${path} is in use: another slipway serves with this state directory; stop it, or give one of them its own with --state`
  }
  return `cannot open ${path}: ${error.message}`
}

function primaryCode(error: unknown): number {
  return ((error as { errcode?: number }).errcode ?? 0) & 0xff
}

/** Makes the tables of a new database. */
function prepare(database: DatabaseSync): DatabaseSync {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > schemaVersion) {
    throw new WriteFailed(
      `the state is of a later slipway (schema ${version}, this one reads ${schemaVersion}): run that one`,
    )
  }
  if (version === schemaVersion) return database
  database.exec(`
    BEGIN IMMEDIATE;
    CREATE TABLE nodes (node TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
    CREATE TABLE observations (
      sequence INTEGER PRIMARY KEY, node TEXT NOT NULL, at INTEGER NOT NULL, seen TEXT NOT NULL
    ) STRICT;
    CREATE INDEX observations_by_node ON observations (node, sequence);
    PRAGMA user_version = ${schemaVersion};
    COMMIT;
  `)
  return database
}

function readStates(database: DatabaseSync): Map<string, State> {
  const rows = database.prepare('SELECT node, state FROM nodes').all() as { node: string; state: string }[]
  return new Map(rows.map(({ node, state }) => [node, parseState(node, state)]))
}

function parseState(node: string, text: string): State {
  try {
    const state = JSON.parse(text) as State
    if (typeof state.mode === 'string' && typeof state.mac === 'string') return state
  } catch {
    // Said below, with the node.
  }
  throw new Damaged(`the state of ${node} is unreadable`)
}

/** Never deletes: what is left of it may still tell a person something. */
function setAside(path: string, now: number): string {
  const date = new Date(now).toISOString().replaceAll(':', '-')
  const aside = `${path}.damaged-${date}`
  try {
    for (const end of ['', '-wal', '-shm']) {
      if (existsSync(path + end)) renameSync(path + end, aside + end)
    }
  } catch (error) {
    throw new WriteFailed(`${path} is damaged and cannot be set aside: ${(error as Error).message}`)
  }
  return aside
}

/** What people and clusters said of a node, and what was decided, is no sight of it. */
const lastSights = `
  SELECT node, max(at) AS at FROM observations
  WHERE json_extract(seen, '$.kind') NOT IN ('cluster', 'command', 'state') GROUP BY node`

function storeOf(database: DatabaseSync, loss?: string): Store {
  const putState = database.prepare('INSERT OR REPLACE INTO nodes (node, state) VALUES (?, ?)')
  const dropState = database.prepare('DELETE FROM nodes WHERE node = ?')
  const dropSeen = database.prepare('DELETE FROM observations WHERE node = ?')
  const add = database.prepare('INSERT INTO observations (sequence, node, at, seen) VALUES (?, ?, ?, ?)')
  const ofNode = database.prepare(
    'SELECT sequence, node, at, seen FROM observations WHERE node = ? ORDER BY sequence',
  )
  const dropProgress = database.prepare(
    `DELETE FROM observations WHERE node = ? AND json_extract(seen, '$.outcome') = 'under-way'`,
  )
  const dropOld = database.prepare('DELETE FROM observations WHERE at < ?')
  const crowded = database.prepare('SELECT node FROM observations GROUP BY node HAVING count(*) > ?')
  const dropMany = database.prepare(`
    DELETE FROM observations WHERE node = ?1 AND sequence <=
      (SELECT sequence FROM observations WHERE node = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)`)
  const seen = database.prepare(lastSights).all() as { node: string; at: number }[]
  const last = database.prepare('SELECT max(sequence) AS sequence FROM observations').get() as {
    sequence: number | null
  }

  function together(write: () => void): void {
    database.exec('BEGIN IMMEDIATE')
    try {
      write()
      database.exec('COMMIT')
    } catch (error) {
      // Some errors (a full disk) end the transaction themselves.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  return {
    ...(loss !== undefined && { loss }),
    states: readStates(database),
    lastSeen: new Map(seen.map(({ node, at }) => [node, at])),
    lastSequence: last.sequence ?? 0,
    keep(states, observations) {
      together(() => {
        for (const { sequence, node, at, ...seen } of observations) {
          add.run(sequence, node, at, JSON.stringify(seen))
        }
        for (const [node, state] of states) {
          if (state !== undefined) {
            putState.run(node, JSON.stringify(state))
          } else {
            dropState.run(node)
            dropSeen.run(node)
          }
        }
      })
    },
    history(node) {
      const rows = ofNode.all(node) as { sequence: number; node: string; at: number; seen: string }[]
      return rows.map(({ seen, ...row }) => ({ ...(JSON.parse(seen) as object), ...row }) as Observation)
    },
    forgetProgress: (node) => void dropProgress.run(node),
    prune(now) {
      together(() => {
        dropOld.run(now - oldestMs)
        for (const { node } of crowded.all(mostObservations) as { node: string }[]) {
          dropMany.run(node, mostObservations)
        }
      })
    },
    close: () => database.close(),
  }
}
