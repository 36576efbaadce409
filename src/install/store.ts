/**
 * The state that outlives the process: the record of each machine and its observations, in an SQLite database (WAL).
 * Decisions are synced with their commit, everything else in the background. History is bounded when it is written.
 * `openStore` opens it.
 */
import type { DatabaseSync } from 'node:sqlite'
import { backupDatabase, checkpoint, createBackgroundSync } from './state-files.ts'
import type { StateProblem } from './codes.ts'
import type { State } from './machine-state.ts'
import type { Observation } from './observation.ts'
import { readStates } from './store-schema.ts'

/** Observation of one machine. */
export type Kept = { readonly machine: string; readonly observation: Observation }

/** A repeated observation is one row with a count. */
export type Repeat = { readonly sequence: number; readonly count: number; readonly lastAt: number }

/**
 * When a transaction is on the disk: `now`, when the call returns; `soon`, after a moment, because DNS and DHCP must not
 * wait for a slow disk.
 */
export type Sync = 'now' | 'soon'

export type Store = {
  /** What is wrong with the state; empty if nothing is. */
  readonly problems: readonly StateProblem[]
  /** Why machines without a record must not be installed automatically: a sentence; absent if the records are complete. */
  readonly incomplete?: string
  /** Whether changes reach the disk: false while the state cannot be written at all. */
  readonly isRecordable: boolean
  /** Identifies the database, and with it this appliance. */
  readonly id: string
  /** Key of this database for derived tokens. */
  readonly secret: string
  /** The records at opening, by machine. */
  readonly states: ReadonlyMap<string, State>
  /** Time of the last observation of each machine at opening. */
  readonly lastSeen: ReadonlyMap<string, number>
  /** Sequence of the last stored observation; 0 if there is none. */
  readonly lastSequence: number
  /**
   * Writes one transaction.
   *
   * @param states undefined for a machine whose record and history are deleted
   * @throws when it cannot be written; then no part of it is
   */
  keep(
    states: ReadonlyMap<string, State | undefined>,
    observations: readonly Kept[],
    repeats?: readonly Repeat[],
    sync?: Sync,
  ): void
  /**
   * Writes one transaction before it returns, and does not block while the disk writes. A copy of the database file alone
   * has it after the next {@link Store.checkpoint}.
   *
   * @returns what resolves when the transaction is on the disk, and rejects if that is not certain
   * @throws when it cannot be written; then no part of it is
   */
  commit(
    states: ReadonlyMap<string, State>,
    observations: readonly Kept[],
    repeats: readonly Repeat[],
  ): { readonly onDisk: Promise<void> }
  /** Completes the database file: blocks while the disk writes. */
  checkpoint(): void
  /** Returns the observations of one machine, oldest first. */
  history(machine: string): readonly Observation[]
  /** Returns at most `limit` observations after a sequence number, of one machine or all. */
  after(sequence: number, limit: number, machine?: string): readonly Observation[]
  /** Returns at most `limit` observations of all machines after a sequence number, with their machines. */
  keptAfter(sequence: number, limit: number): readonly Kept[]
  /** Returns a value that outlives the process. */
  setting(key: SettingKey): string | undefined
  /** @throws when it cannot be written */
  putSetting(key: SettingKey, value: string): void
  /** Deletes progress reports of downloads: they are needed only while the download is active. */
  forgetProgress(machine: string): void
  /**
   * Deletes observations that are older than {@link maxAgeMs}. The latest ones of each machine stay, so that a wrong
   * clock does not delete its history.
   */
  prune(now: number): void
  /** Writes a consistent copy to a new file. @throws when it cannot be written */
  backup(target: string): void
  /** Lets new machines be installed automatically again after a loss. @throws when it cannot be written */
  acceptLoss(): void
  close(): void
}

/** What this appliance knows of the shared store: its ID, and how far observations were sent and received. */
export type SettingKey = 'shared-id' | 'shared-sent' | 'shared-received'

/** Observations of one machine that are stored, for each kind. */
export const maxPerKind: Readonly<Record<Observation['kind'], number>> = {
  dhcp: 400,
  loader: 200,
  script: 400,
  file: 600,
  ignition: 200,
  callback: 100,
  cluster: 300,
  command: 200,
  state: 300,
}
export const maxAgeMs = 30 * 24 * 60 * 60_000
/** Observations of each machine that stay at any age. */
export const keptOfAnyAge = 200
const maxHistory = Object.values(maxPerKind).reduce((sum, each) => sum + each, 0)

/** Reports about a machine, commands, and decisions are not signs of the machine itself. */
const lastSeenQuery = `
  SELECT machine, max(last_at) AS at FROM observations
  WHERE kind NOT IN ('cluster', 'command', 'state') GROUP BY machine`

export type StoreContext = Pick<Store, 'problems' | 'incomplete' | 'isRecordable'> & {
  /** Replaces the records of the database, for example after a loss. */
  readonly states?: ReadonlyMap<string, State>
  /** Called after each committed change of a record. */
  readonly onChange: (changes: number) => void
  /** Called when a change of a record that `commit` wrote is on the disk. Never rejects. */
  readonly onCommit: (changes: number) => Promise<void>
  readonly onAccept: () => void
}

/** Reads one value of the table of settings. */
export function readMeta(database: DatabaseSync, key: string): string | undefined {
  const row = database.prepare('SELECT value FROM meta WHERE key = ?').get(key) as
    { value: string } | undefined
  return row?.value
}

/** What a transaction writes. */
type Change = {
  readonly states: ReadonlyMap<string, State | undefined>
  readonly observations: readonly Kept[]
  readonly repeats: readonly Repeat[]
}

/** Rows of a machine and a kind that a transaction adds. */
type Added = { readonly machine: string; readonly kind: Observation['kind']; added: number }

export function storeOf(database: DatabaseSync, context: StoreContext): Store {
  const putState = database.prepare('INSERT OR REPLACE INTO machines (machine, node, state) VALUES (?, ?, ?)')
  const dropState = database.prepare('DELETE FROM machines WHERE machine = ?')
  const dropSeen = database.prepare('DELETE FROM observations WHERE machine = ?')
  const add = database.prepare(
    'INSERT INTO observations (sequence, machine, node, kind, at, count, last_at, seen) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const repeat = database.prepare('UPDATE observations SET count = ?, last_at = ? WHERE sequence = ?')
  const trim = database.prepare(`
    DELETE FROM observations WHERE machine = ?1 AND kind = ?2 AND sequence <=
      (SELECT sequence FROM observations WHERE machine = ?1 AND kind = ?2 ORDER BY sequence DESC LIMIT 1 OFFSET ?3)`)
  const countRows = database.prepare(
    'SELECT count(*) AS rows FROM observations WHERE machine = ? AND kind = ?',
  )
  const columns = 'sequence, node, at, count, last_at AS lastAt, seen'
  const ofMachine = database.prepare(
    `SELECT ${columns} FROM observations WHERE machine = ? AND sequence > ? AND json_valid(seen) ORDER BY sequence LIMIT ?`,
  )
  const ofAll = database.prepare(
    `SELECT ${columns} FROM observations WHERE sequence > ? AND json_valid(seen) ORDER BY sequence LIMIT ?`,
  )
  const withMachines = database.prepare(
    `SELECT machine, ${columns} FROM observations WHERE sequence > ? AND json_valid(seen) ORDER BY sequence LIMIT ?`,
  )
  const dropProgress = database.prepare(
    `DELETE FROM observations WHERE machine = ? AND kind = 'file' AND json_valid(seen)
      AND json_extract(seen, '$.outcome') = 'under-way'`,
  )
  const withOld = database.prepare('SELECT DISTINCT machine FROM observations WHERE last_at < ?')
  const dropOld = database.prepare(`
    DELETE FROM observations WHERE machine = ?1 AND last_at < ?2 AND sequence <=
      (SELECT sequence FROM observations WHERE machine = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?3)`)
  const putMeta = database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)')
  const dropMeta = database.prepare('DELETE FROM meta WHERE key = ?')
  const seen = database.prepare(lastSeenQuery).all() as { machine: string; at: number }[]
  const last = database.prepare('SELECT coalesce(max(sequence), 0) AS sequence FROM observations').get() as {
    sequence: number
  }
  /**
   * The number of rows of a machine and a kind, never too low: the counted rows, and those that were added since. Most
   * batches then need no search for old rows. Deletions clear it.
   */
  const rowCounts = new Map<string, number>()
  let changes = Number(readMeta(database, 'changes') ?? '0')

  const path = database.location()
  const syncLog = path === null ? () => Promise.resolve() : createBackgroundSync(`${path}-wal`)
  /** As `openStore` opens the database. */
  let synchronous: 'FULL' | 'NORMAL' = 'FULL'

  /** With NORMAL, a commit is not synced (https://sqlite.org/pragma.html#pragma_synchronous). */
  function together(write: () => void, mode: typeof synchronous = 'FULL'): void {
    if (mode !== synchronous) database.exec(`PRAGMA synchronous = ${mode}`)
    synchronous = mode
    database.exec('BEGIN IMMEDIATE')
    try {
      write()
      database.exec('COMMIT')
    } catch (error) {
      rowCounts.clear()
      // Some errors (a full disk) end the transaction themselves.
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  /** Counts rows that were added, and deletes the oldest beyond the limit. */
  function bound(key: string, { machine, kind, added }: Added): void {
    const known = rowCounts.get(key)
    const rows = known === undefined ? (countRows.get(machine, kind) as { rows: number }).rows : known + added
    const limit = maxPerKind[kind]
    if (rows > limit) trim.run(machine, kind, limit)
    rowCounts.set(key, Math.min(rows, limit))
  }

  /** Writes one transaction. @param isCounted whether the mark counts it */
  function put(
    { states, observations, repeats }: Change,
    isCounted: boolean,
    mode: typeof synchronous,
  ): void {
    const next = changes + (isCounted ? 1 : 0)
    together(() => {
      const touched = new Map<string, Added>()
      for (const { machine, observation } of observations) {
        const { sequence, node, at, count = 1, lastAt = at, ...facts } = observation
        add.run(sequence, machine, node, facts.kind, at, count, lastAt, JSON.stringify(facts))
        const key = `${machine} ${facts.kind}`
        const before = touched.get(key)
        if (before === undefined) touched.set(key, { machine, kind: facts.kind, added: 1 })
        else before.added++
      }
      for (const { sequence, count, lastAt } of repeats) repeat.run(count, lastAt, sequence)
      for (const [key, added] of touched) bound(key, added)
      for (const [machine, state] of states) {
        if (state !== undefined) {
          putState.run(machine, state.node, JSON.stringify(state))
        } else {
          dropState.run(machine)
          dropSeen.run(machine)
          rowCounts.clear()
        }
      }
      if (next !== changes) putMeta.run('changes', String(next))
    }, mode)
    changes = next
  }

  return {
    problems: context.problems,
    ...(context.incomplete !== undefined && { incomplete: context.incomplete }),
    isRecordable: context.isRecordable,
    id: readMeta(database, 'id') ?? '',
    secret: readMeta(database, 'secret') ?? '',
    states: context.states ?? readStates(database).states,
    lastSeen: new Map(seen.map(({ machine, at }) => [machine, at])),
    lastSequence: last.sequence,
    keep(states, observations, repeats = [], sync = 'now') {
      // The mark must not be newer than the database on the disk.
      const isCounted = states.size > 0 && sync === 'now'
      put({ states, observations, repeats }, isCounted, sync === 'now' ? 'FULL' : 'NORMAL')
      if (sync === 'soon') void syncLog().catch(() => {})
      if (isCounted) context.onChange(changes)
    },
    commit(states, observations, repeats) {
      const isCounted = states.size > 0
      put({ states, observations, repeats }, isCounted, 'NORMAL')
      const counted = changes
      return { onDisk: syncLog().then(() => (isCounted ? context.onCommit(counted) : undefined)) }
    },
    checkpoint: () => checkpoint(database),
    history: (machine) => observationsOf(ofMachine.all(machine, 0, maxHistory)),
    after: (sequence, limit, machine) =>
      observationsOf(
        machine === undefined ? ofAll.all(sequence, limit) : ofMachine.all(machine, sequence, limit),
      ),
    keptAfter: (sequence, limit) => keptOf(withMachines.all(sequence, limit)),
    setting: (key) => readMeta(database, key),
    putSetting: (key, value) => together(() => void putMeta.run(key, value)),
    forgetProgress(machine) {
      dropProgress.run(machine)
      rowCounts.clear()
    },
    prune(now) {
      const before = now - maxAgeMs
      rowCounts.clear()
      together(() => {
        for (const { machine } of withOld.all(before) as { machine: string }[]) {
          dropOld.run(machine, before, keptOfAnyAge)
        }
      })
    },
    backup: (target) => backupDatabase(database, target),
    acceptLoss() {
      together(() => void dropMeta.run('incomplete'))
      context.onAccept()
    },
    close: () => database.close(),
  }
}

function keptOf(rows: readonly unknown[]): Kept[] {
  return (rows as readonly (Row & { machine: string })[]).flatMap(({ machine, ...row }) =>
    observationsOf([row]).map((observation) => ({ machine, observation })),
  )
}

type Row = { sequence: number; node: string; at: number; count: number; lastAt: number; seen: string }

function observationsOf(rows: readonly unknown[]): Observation[] {
  return (rows as readonly Row[]).map(({ seen, count, lastAt, ...row }) => {
    const repeats = count === 1 ? {} : { count, lastAt }
    return { ...(JSON.parse(seen) as object), ...row, ...repeats } as Observation
  })
}
