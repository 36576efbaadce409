/** The tables of the state database, their migration, and the records in them. */
import { randomBytes, randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { State } from './machine-state.ts'
import { modes } from './node-states.ts'

export const schemaVersion = 2

/** Thrown when a database exists that this version cannot use; the message is the reason. */
export class UnusableDatabase extends Error {
  override readonly name = 'UnusableDatabase'
}

/** Thrown when the content of a database is damaged; the message says where. */
export class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase'
}

/** Creates or migrates the tables. @throws {UnusableDatabase} for tables of a newer or another program */
export function prepareSchema(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
  if (version > schemaVersion) {
    throw new UnusableDatabase(
      `the state has schema ${version} of a newer slipway, this version reads up to schema ${schemaVersion}`,
    )
  }
  if (version === schemaVersion) return
  if (version === 0) {
    const { count } = database.prepare('SELECT count(*) AS count FROM sqlite_schema').get() as {
      count: number
    }
    if (count > 0) throw new UnusableDatabase('the database has tables that slipway did not create')
  }
  database.exec('BEGIN IMMEDIATE')
  try {
    if (version === 1) {
      database.exec('ALTER TABLE observations RENAME TO observations_1; ALTER TABLE nodes RENAME TO nodes_1;')
      database.exec('DROP INDEX observations_by_node')
    }
    database.exec(tables)
    const put = database.prepare('INSERT INTO meta (key, value) VALUES (?, ?)')
    put.run('id', randomUUID())
    put.run('changes', '0')
    put.run('secret', randomBytes(32).toString('base64url'))
    if (version === 1) migrateFrom1(database)
    database.exec(`PRAGMA user_version = ${schemaVersion}; COMMIT`)
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

const tables = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE machines (machine TEXT PRIMARY KEY, node TEXT NOT NULL, state TEXT NOT NULL) STRICT;
  CREATE TABLE observations (
    sequence INTEGER PRIMARY KEY, machine TEXT NOT NULL, node TEXT NOT NULL, kind TEXT NOT NULL,
    at INTEGER NOT NULL, count INTEGER NOT NULL, last_at INTEGER NOT NULL, seen TEXT NOT NULL
  ) STRICT;
  CREATE INDEX observations_by_machine ON observations (machine, sequence);
  CREATE INDEX observations_by_kind ON observations (machine, kind, sequence);
`

/** Schema 1 had one record for each node name; the MAC address was in the record. */
function migrateFrom1(database: DatabaseSync): void {
  const rows = database.prepare('SELECT node, state FROM nodes_1').all() as { node: string; state: string }[]
  const machines = new Map<string, State>()
  const put = database.prepare('INSERT OR REPLACE INTO machines (machine, node, state) VALUES (?, ?, ?)')
  for (const { node, state: text } of rows) {
    const state = stateFrom1(node, text)
    const other = machines.get(state.mac)
    machines.set(state.mac, other === undefined ? state : merged(other, state))
  }
  for (const [machine, state] of machines) put.run(machine, state.node, JSON.stringify(state))
  database.exec(`
    INSERT INTO observations (sequence, machine, node, kind, at, count, last_at, seen)
      SELECT sequence, json_extract(state, '$.mac'), observations_1.node, json_extract(seen, '$.kind'), at, 1, at, seen
      FROM observations_1 JOIN nodes_1 ON nodes_1.node = observations_1.node
      WHERE json_valid(seen) AND json_extract(seen, '$.kind') IS NOT NULL;
    DROP TABLE observations_1; DROP TABLE nodes_1;
  `)
}

type State1 = Omit<State, 'node' | 'attempt'> & {
  readonly armedUntil?: number
  readonly attempt?: Omit<NonNullable<State['attempt']>, 'startedBy' | 'issued' | 'delivered' | 'probed'> & {
    readonly begunBy: 'arming' | 'menu'
    readonly readableUntil: number
    readonly deliveredAt?: number
    readonly probedAt?: number
  }
}

const hourMs = 60 * 60_000

function stateFrom1(node: string, text: string): State {
  const { armedUntil, attempt, ...rest } = parseObject(node, text) as State1
  const moment = (at: number) => ({ at, tick: 0, epoch: 'schema 1' })
  const state: State = { ...rest, node }
  return {
    ...state,
    ...(armedUntil !== undefined && { armed: moment(armedUntil - 24 * hourMs) }),
    ...(attempt !== undefined && { attempt: attemptFrom1(attempt, moment) }),
  }
}

function attemptFrom1(
  { begunBy, readableUntil, deliveredAt, probedAt, ...rest }: NonNullable<State1['attempt']>,
  moment: (at: number) => NonNullable<State['armed']>,
): NonNullable<State['attempt']> {
  return {
    ...rest,
    startedBy: begunBy === 'menu' ? 'menu' : 'site',
    issued: moment(readableUntil - hourMs),
    ...(deliveredAt !== undefined && { delivered: moment(deliveredAt) }),
    ...(probedAt !== undefined && { probed: moment(probedAt) }),
  }
}

/** A renamed node left two records of one machine: the later one counts, and evidence of an installation remains. */
function merged(a: State, b: State): State {
  const [later, earlier] = a.since >= b.since ? [a, b] : [b, a]
  const wasInstalled = later.wasInstalled || earlier.wasInstalled
  const isAutomatic = later.mode === 'install' && later.armed === undefined
  if (!wasInstalled || !isAutomatic) return { ...later, wasInstalled }
  return { ...later, wasInstalled, mode: 'installed', reason: `installed as ${earlier.node}` }
}

export type ReadStates = {
  readonly states: Map<string, State>
  /** Machines whose record cannot be read. */
  readonly unreadable: readonly string[]
}

type MachineRow = { machine: string; node: string; state: string }

/** Reads all records; a record with an unknown mode keeps its disk. @throws when the table is damaged */
export function readStates(database: DatabaseSync): ReadStates {
  return statesOf(database.prepare('SELECT machine, node, state FROM machines').all() as MachineRow[])
}

/** Reads the records of a damaged database up to the damage. */
export function readIntactStates(database: DatabaseSync): ReadStates {
  const rows: MachineRow[] = []
  try {
    for (const row of database.prepare('SELECT machine, node, state FROM machines').iterate()) {
      rows.push(row as MachineRow)
    }
  } catch {
    // The rows before the damage are complete.
  }
  return statesOf(rows)
}

function statesOf(rows: readonly MachineRow[]): ReadStates {
  const states = new Map<string, State>()
  const unreadable: string[] = []
  for (const { machine, node, state: text } of rows) {
    try {
      const state = parseObject(machine, text) as State
      states.set(machine, modes.includes(state.mode) ? state : withUnknownMode(state))
    } catch {
      unreadable.push(machine)
      const reason = 'its record is damaged'
      states.set(machine, {
        mac: machine,
        node,
        declared: 'install',
        mode: 'local',
        since: 0,
        reason,
        code: 'state.not-vouched',
        wasInstalled: false,
        evidence: { notVouchedFor: reason },
      })
    }
  }
  return { states, unreadable }
}

function withUnknownMode(state: State): State {
  const reason = `its record has the unknown state ${JSON.stringify(state.mode)}, perhaps written by a newer slipway`
  const evidence = { ...state.evidence, notVouchedFor: reason }
  return { ...state, mode: 'local', reason, code: 'state.unknown-mode', evidence }
}

function parseObject(machine: string, text: string): object {
  const state = JSON.parse(text) as Partial<State>
  if (typeof state.mode === 'string' && typeof state.mac === 'string') return state
  throw new DamagedDatabase(`the record of ${machine} is unreadable`)
}
