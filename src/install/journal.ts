/**
 * Buffers records and observations until they are stored: observations are written in batches, decisions at once. What
 * cannot be written stays in memory, bounded, and is written when that is possible again.
 */
import type { Clock, Timer } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { StateProblem } from './codes.ts'
import type { State } from './machine-state.ts'
import type { Observation, Seen } from './observation.ts'
import { createRelatives, type Relatives } from './relatives.ts'
import { createRows, keptOf, type Row } from './rows.ts'
import type { Kept, Repeat, Store, Sync } from './store.ts'
import { createWallClock } from './wall-clock.ts'

export type Journal = {
  state(machine: string): State | undefined
  /** All records, including those of machines that are no longer declared. */
  states(): ReadonlyMap<string, State>
  /** Returns the MAC addresses of other records of the same machine. */
  readonly relativesOf: Relatives['of']
  /** Returns the records of all machines that reported this SMBIOS UUID. */
  withUuid(uuid: string): readonly State[]
  /** Changes a record; it is written with the next batch, or by `keep`. */
  set(machine: string, state: State): void
  /** @param repeated see `Observe` */
  note(machine: string, seen: Seen, repeated?: number): void
  /** Makes a change that can be undone until it is written. @throws what `change` throws; then nothing changed */
  attempt<T>(machine: string, change: () => T): { readonly result: T; readonly undo: () => void }
  /**
   * Makes a change and writes it together with all unwritten changes.
   *
   * @throws when it cannot be written; then the record of `machine` is unchanged
   */
  keep<T>(machine: string, change: () => T): T
  /** Adds observations of another appliance to the history of their machines. */
  receive(observations: readonly Kept[]): void
  /** Ensures that the next write syncs its changes before it returns, whatever causes that write. */
  oweWrite(): void
  /** Writes all unwritten changes, and blocks until they are on the disk. @throws when they cannot be written */
  write(): void
  /** Writes all unwritten changes before it returns. Resolves when they are on the disk. @throws as `write` */
  commit(): Promise<void>
  /** Deletes the history of a machine except for `last`; its record stays. @throws when it cannot be written */
  forget(machine: string, last: Seen): void
  /** Returns the history of a machine, oldest first, including unwritten observations. */
  history(machine: string): readonly Observation[]
  /** Returns at most `limit` observations after a sequence number, of one machine or all. */
  after(sequence: number, limit: number, machine?: string): readonly Observation[]
  subscribe(each: (observation: Observation) => void): () => void
  /** Calls `each` after every change of a record. */
  onChange(each: (machine: string) => void): void
  /** What currently keeps the state from being written. */
  problems(): readonly StateProblem[]
  close(): void
}

export type JournalOptions = {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

const recordMs = 250
/**
 * Each batch writes the pages of all machines that it is about, so that fewer batches write less. A crash loses the
 * observations of this time; the records that depend on them are written sooner.
 */
const observationMs = 1000
/** Pause before another try after a failed write. */
const retryMs = 5000
/** Limit for observations that cannot be written, for example while the disk is full. */
const maxUnwritten = 10_000
const pruneMs = 60 * 60_000
/**
 * Time after the last commit, and after the first one, until a copy of the database file alone is complete. Until then,
 * such a copy is older than the mark, and permits no installation.
 */
const checkpointMs = 5000
const maxCheckpointMs = 10_000

export function createJournal({ store, clock, log, counters }: JournalOptions): Journal {
  const states = new Map(store.states)
  const relatives = createRelatives(states.values())
  /** Machines whose record differs from the store. */
  const changed = new Set<string>()
  let unwritten: Row[] = []
  /** Stored rows whose count differs from the store. */
  const repeated = new Set<Row>()
  const wallClock = createWallClock(clock, log)
  const rows = createRows(store.lastSequence, clock, wallClock)
  let checkpoint: Timer | undefined
  let checkpointBy = 0
  let batch: Timer | undefined
  let dueMs = Infinity
  let prunedAt = -Infinity
  let failure: string | undefined
  const subscribers = new Set<(observation: Observation) => void>()
  let changeListener: (machine: string) => void = () => {}

  /** Whether a change that had to be on the disk at once is not there yet. */
  let isOwed = false
  let isClosed = false

  function write(sync: Sync = 'now'): void {
    transfer(sync === 'now', (...all) => store.keep(...all, sync))
  }

  async function commit(): Promise<void> {
    const machines = [...changed]
    const written = transfer(true, (...all) => store.commit(...all))
    if (written === undefined) return
    try {
      await written.onDisk
    } catch (error) {
      for (const machine of machines) changed.add(machine)
      isOwed = true
      failed(error as Error)
      throw error
    }
    checkpointLater()
  }

  /** While many nodes install, also during their downloads, the checkpoint waits: it blocks the services. */
  function checkpointLater(): void {
    if (isClosed) return
    const now = clock.monotonic()
    if (checkpoint === undefined) checkpointBy = now + maxCheckpointMs
    checkpoint?.cancel()
    checkpoint = clock.after(Math.min(checkpointMs, Math.max(0, checkpointBy - now)), completeDatabase)
  }

  function completeDatabase(): void {
    checkpoint = undefined
    try {
      store.checkpoint()
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'state checkpoint failed')
    }
  }

  /** Passes all unwritten changes to the store. @returns nothing if there are none */
  function transfer<Result>(
    isSynced: boolean,
    put: (
      records: ReadonlyMap<string, State>,
      observations: readonly Kept[],
      repeats: readonly Repeat[],
    ) => Result,
  ): Result | undefined {
    batch?.cancel()
    batch = undefined
    if (changed.size === 0 && unwritten.length === 0 && repeated.size === 0) return undefined
    let result: Result
    try {
      const records = new Map([...changed].map((machine) => [machine, states.get(machine) as State]))
      result = put(records, unwritten.map(keptOf), [...repeated])
    } catch (error) {
      isOwed ||= isSynced
      failed(error as Error)
      throw error
    }
    isOwed = false
    if (failure !== undefined) log.info({}, 'state write succeeded again')
    failure = undefined
    for (const row of unwritten) row.isStored = true
    unwritten = []
    repeated.clear()
    changed.clear()
    return result
  }

  function failed({ message }: Error): void {
    counters.increment('install.unwritten')
    if (failure === undefined)
      log.error({ reason: message, code: 'state.not-writable' }, 'state write failed')
    failure = message
    writeWithin(retryMs)
  }

  /** A failed write is tried again after its own time, whatever changes until then. */
  function writeWithin(ms: number): void {
    if (isClosed) return
    const atMs = clock.monotonic() + ms
    if (batch !== undefined && (failure !== undefined || dueMs <= atMs)) return
    batch?.cancel()
    dueMs = atMs
    batch = clock.after(ms, () => writeBatch())
  }

  function writeBatch(isLast = false): void {
    batch = undefined
    try {
      if (isOwed && !isLast) void commit().catch(() => {})
      else write(isOwed ? 'now' : 'soon')
      prune()
    } catch {
      // Logged; the next try is scheduled.
    }
  }

  function prune(): void {
    if (clock.monotonic() - prunedAt < pruneMs) return
    prunedAt = clock.monotonic()
    store.prune(clock.now())
  }

  function set(machine: string, state: State): void {
    states.set(machine, state)
    relatives.note(state)
    changed.add(machine)
    writeWithin(recordMs)
    changeListener(machine)
  }

  function add(row: Row): void {
    unwritten.push(row)
    if (unwritten.length > maxUnwritten) unwritten.shift()
    writeWithin(observationMs)
    for (const each of subscribers) each(row.observation)
  }

  function attempt<T>(machine: string, change: () => T): { result: T; undo: () => void } {
    const before = states.get(machine)
    const last = rows.last()
    const undo = (): void => {
      if (before !== undefined) set(machine, before)
      unwritten = unwritten.filter((row) => row.machine !== machine || row.sequence <= last)
    }
    try {
      return { result: change(), undo }
    } catch (error) {
      undo()
      throw error
    }
  }

  function note(machine: string, seen: Seen, times?: number): void {
    const { row, isRepeat } = rows.note(machine, seen, times)
    if (!isRepeat) {
      add(row)
      return
    }
    if (row.isStored) repeated.add(row)
    writeWithin(observationMs)
  }

  function keep<T>(machine: string, change: () => T): T {
    const { result, undo } = attempt(machine, change)
    try {
      write()
      return result
    } catch (error) {
      undo()
      throw error
    }
  }

  return {
    state: (machine) => states.get(machine),
    states: () => states,
    relativesOf: (macs) => relatives.of(macs),
    withUuid: (uuid) => relatives.withUuid(uuid).flatMap((mac) => states.get(mac) ?? []),
    set,
    note,
    attempt,
    keep,
    oweWrite: () => void (isOwed = true),
    receive(observations) {
      for (const each of observations) add(rows.receive(each))
    },
    write,
    commit,
    forget(machine, last) {
      write()
      store.keep(new Map([[machine, undefined]]), [])
      changed.add(machine)
      rows.forget(machine)
      keep(machine, () => note(machine, last))
    },
    history: (machine) => [
      ...store.history(machine),
      ...unwritten.filter((each) => each.machine === machine).map((row) => keptOf(row).observation),
    ],
    after(from, limit, machine) {
      const stored = store.after(from, limit, machine)
      const rest = unwritten.filter(
        (each) => each.sequence > from && (machine === undefined || each.machine === machine),
      )
      return [...stored, ...rest.map((row) => keptOf(row).observation)].slice(0, limit)
    },
    subscribe(each) {
      subscribers.add(each)
      return () => void subscribers.delete(each)
    },
    onChange: (each) => void (changeListener = each),
    problems: () => [
      ...(failure === undefined
        ? []
        : [{ code: 'state.not-writable', text: `the state cannot be written: ${failure}` } as const]),
      ...wallClock.problems(),
    ],
    close() {
      checkpoint?.cancel()
      batch?.cancel()
      writeBatch(true)
      // A write that failed is not tried again, and a download that ends later is not recorded.
      batch?.cancel()
      isClosed = true
      store.close()
    },
  }
}
