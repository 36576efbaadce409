/**
 * Opens the state. slipway always starts: damaged state is moved aside and recovered as far as possible, unusable state
 * is not changed, and a state in memory replaces it. After each loss, machines must not be installed automatically.
 */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StateProblem } from './codes.ts'
import { without, type State } from './machine-state.ts'
import { checkpoint, createMarks, readMarks, type StateMark } from './state-files.ts'
import { readMeta, storeOf, type Store, type StoreContext } from './store.ts'
import {
  DamagedDatabase,
  prepareSchema,
  readIntactStates,
  readStates,
  UnusableDatabase,
} from './store-schema.ts'

/** Thrown when another process uses the state directory; the message is a sentence for the administrator. */
export class StateInUse extends Error {
  override readonly name = 'StateInUse'
}

export type StoreOptions = {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Name of the site; state of another site is not valid for machines of this one. */
  readonly site?: string
  /** A second directory for the mark, which survives a loss of the state directory. */
  readonly markDirectory?: string
}

export const databaseName = 'install.db'

/** @throws {StateInUse} */
export function openStore(directory: string, options: StoreOptions): Store {
  const path = join(directory, databaseName)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    return unusableStore(
      `cannot create the state directory ${directory}: ${(error as Error).message}`,
      new Map(),
    )
  }
  const opened = tryOpen(path)
  if (opened instanceof DatabaseSync) return usableStore(opened, directory, options)
  if (opened.kind === 'unusable') {
    const text = `${path} cannot be used: ${opened.reason}; it is unchanged`
    return unusableStore(text, readOnlyStates(path))
  }
  return recoveredStore(path, opened.reason, directory, options)
}

/** Opens a store in memory, for the demonstration, simulations, and tests. */
export function openMemoryStore(): Store {
  return storeOf(memoryDatabase(), { ...withoutMarks, problems: [], isRecordable: true })
}

type Failure = { readonly kind: 'damaged' | 'unusable'; readonly reason: string }

/** SQLite's primary result codes: https://sqlite.org/rescode.html */
const SqliteCode = { busy: 5, corrupt: 11, notADatabase: 26 } as const

function tryOpen(path: string): DatabaseSync | Failure {
  let database: DatabaseSync | undefined
  try {
    makePrivate(path)
    database = new DatabaseSync(path, { timeout: 0 })
    // The lock is taken with the first read and held until the process ends.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    // A checkpoint blocks the services: one for 16 MiB takes less time than four for 4 MiB.
    database.exec('PRAGMA wal_autocheckpoint = 4000')
    database.exec('BEGIN IMMEDIATE; COMMIT')
    const { quick_check: result } = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
    if (result !== 'ok') throw new DamagedDatabase(result)
    prepareSchema(database)
    readStates(database)
    return database
  } catch (error) {
    database?.close()
    return failureOf(path, error as Error)
  }
}

/**
 * Lets only the owner read the database, whatever the umask is and also if an earlier version created it. SQLite creates
 * the files beside it with the same mode.
 */
function makePrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
    for (const file of [path, `${path}-wal`, `${path}-shm`]) if (existsSync(file)) chmodSync(file, 0o600)
  } catch {
    // SQLite reports a directory that cannot be written.
  }
}

function failureOf(path: string, error: Error): Failure {
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
  if (code === SqliteCode.busy) {
    throw new StateInUse(
      `${path} is in use: another slipway uses this state directory; stop it, or set another directory with --state`,
    )
  }
  const isDamaged =
    error instanceof DamagedDatabase || code === SqliteCode.corrupt || code === SqliteCode.notADatabase
  return {
    kind: isDamaged && !(error instanceof UnusableDatabase) ? 'damaged' : 'unusable',
    reason: error.message,
  }
}

function usableStore(database: DatabaseSync, directory: string, options: StoreOptions): Store {
  const directories = markDirectories(directory, options)
  const loss = lossOf(database, directory, readMarks(directories), options.site)
  const { states, unreadable } = readStates(database)
  const problems: StateProblem[] = unreadable.map((machine) => ({
    code: 'state.record-damaged',
    text: `the record of ${machine} is damaged: the machine boots from its disk`,
  }))
  if (loss === undefined)
    return markedStore(database, directories, { problems, isRecordable: true, states }, options)
  // The name of the site shows at every start that the state belongs to another one.
  if (loss.code !== 'state.other-site') putMeta(database, 'incomplete', loss.reason)
  const context = {
    problems: [...problems, { code: loss.code, text: loss.reason }],
    incomplete: loss.reason,
    isRecordable: true,
    states: loss.isStale ? distrustAll(states, loss.reason) : states,
  }
  const store = markedStore(database, directories, { ...context, isMarkLate: loss.isStale }, options)
  if (loss.isStale) keepDistrusted(database, store, context.states)
  return store
}

/** Until this is written, the mark stays as it is: the next start finds the same loss. */
function keepDistrusted(database: DatabaseSync, store: Store, states: ReadonlyMap<string, State>): void {
  try {
    store.keep(states, [])
    database.exec("DELETE FROM meta WHERE key = 'restored'")
  } catch {
    // The records in memory permit no installation either; the journal reports that the state cannot be written.
  }
}

type Loss = { readonly code: StateProblem['code']; readonly reason: string; readonly isStale: boolean }

function lossOf(
  database: DatabaseSync,
  directory: string,
  marks: readonly StateMark[],
  site: string | undefined,
): Loss | undefined {
  const changes = Number(readMeta(database, 'changes'))
  const id = readMeta(database, 'id')
  const known = readMeta(database, 'incomplete')
  const restored = readMeta(database, 'restored')
  if (restored !== undefined) return { code: 'state.stale', reason: restored, isStale: true }
  if (marks.some((mark) => mark.id !== id)) {
    const reason = 'the state was lost: the database is not the one that slipway used before'
    // Reported until an administrator accepts it, although the mark was replaced.
    return { code: 'state.lost', reason: known ?? reason, isStale: changes > 0 }
  }
  if (marks.some((mark) => mark.changes > changes)) {
    const reason = 'the state is older than the last one that slipway wrote, perhaps from a backup'
    return { code: 'state.stale', reason, isStale: true }
  }
  if (changes === 0 && known === undefined) {
    const aside = readdirSync(directory).find((name) => name.startsWith(`${databaseName}.damaged-`))
    const reason = `the state was lost: ${join(directory, aside ?? '')} was set aside because it was damaged`
    if (aside !== undefined) return { code: 'state.lost', reason, isStale: false }
  }
  const home = readMeta(database, 'site')
  if (site !== undefined && home !== undefined && home !== site) {
    const reason = `the state belongs to site ${home}, not to ${site}`
    return { code: 'state.other-site', reason, isStale: false }
  }
  return known === undefined ? undefined : { code: 'state.lost', reason: known, isStale: false }
}

function markedStore(
  database: DatabaseSync,
  directories: readonly string[],
  {
    isMarkLate = false,
    ...context
  }: Omit<StoreContext, 'onChange' | 'onCommit' | 'onAccept'> & { isMarkLate?: boolean },
  { site }: StoreOptions,
): Store {
  const id = readMeta(database, 'id') as string
  const putSite = (): void => {
    if (site !== undefined) putMeta(database, 'site', site)
  }
  if (context.incomplete === undefined) putSite()
  const marks = createMarks(directories, id)
  // The change itself is on the disk in both cases; a mark that is older than the database is not a loss.
  const onChange = (changes: number): void => {
    try {
      checkpoint(database)
      marks.write(changes)
    } catch {
      // See above.
    }
  }
  const onCommit = (changes: number): Promise<void> => marks.writeSoon(changes).catch(() => {})
  if (!isMarkLate) onChange(Number(readMeta(database, 'changes')))
  return storeOf(database, { ...context, onChange, onCommit, onAccept: putSite })
}

/** Moves the damaged database aside and starts another one with the records that can be read. */
function recoveredStore(path: string, damage: string, directory: string, options: StoreOptions): Store {
  const aside = setAside(path, options.now)
  if (aside === undefined) {
    return unusableStore(`${path} is damaged (${damage}) and cannot be set aside`, readOnlyStates(path))
  }
  const fresh = tryOpen(path)
  if (!(fresh instanceof DatabaseSync)) {
    return unusableStore(`cannot create ${path}: ${fresh.reason}`, readOnlyStates(aside))
  }
  const reason = `the state was damaged (${damage}) and was moved to ${aside}`
  const states = distrustAll(readOnlyStates(aside), reason)
  putMeta(fresh, 'incomplete', reason)
  const context = {
    problems: [{ code: 'state.damaged', text: `${reason}; ${states.size} records were recovered` }],
    incomplete: reason,
    isRecordable: true,
    states,
  } as const
  const store = markedStore(fresh, markDirectories(directory, options), context, options)
  store.keep(states, [])
  return store
}

/** Keeps the services running without installing anything, because decisions cannot be recorded. */
function unusableStore(text: string, states: ReadonlyMap<string, State>): Store {
  return storeOf(memoryDatabase(), {
    problems: [{ code: 'state.unusable', text }],
    incomplete: text,
    isRecordable: false,
    states,
    ...withoutMarks,
  })
}

const withoutMarks = { onChange() {}, onCommit: () => Promise.resolve(), onAccept() {} }

/** Returns the records as evidence only: nothing in them allows an installation. */
function distrustAll(states: ReadonlyMap<string, State>, reason: string): Map<string, State> {
  return new Map([...states].map(([machine, state]) => [machine, distrust(state, reason)]))
}

function distrust(state: State, reason: string): State {
  const rest = without(state, 'armed', 'before', 'exchange')
  const evidence = { ...state.evidence, notVouchedFor: reason }
  if (state.mode !== 'install' && state.mode !== 'installing') return { ...rest, evidence }
  return { ...rest, evidence, mode: 'local', reason, code: 'state.not-vouched' }
}

function readOnlyStates(path: string): ReadonlyMap<string, State> {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 0 })
    return readIntactStates(database).states
  } catch {
    return new Map()
  } finally {
    database?.close()
  }
}

/** Renames the files; they may still be useful to an administrator. @returns undefined if that failed */
function setAside(path: string, now: number): string | undefined {
  const date = new Date(now).toISOString().replaceAll(':', '-')
  const aside = `${path}.damaged-${date}`
  try {
    for (const end of ['', '-wal', '-shm']) {
      if (existsSync(path + end)) renameSync(path + end, aside + end)
    }
  } catch {
    return undefined
  }
  return aside
}

function memoryDatabase(): DatabaseSync {
  const database = new DatabaseSync(':memory:')
  prepareSchema(database)
  return database
}

function putMeta(database: DatabaseSync, key: string, value: string): void {
  database.prepare('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)').run(key, value)
}

function markDirectories(directory: string, { markDirectory }: StoreOptions): string[] {
  return markDirectory === undefined ? [directory] : [directory, markDirectory]
}
