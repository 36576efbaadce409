/**
 * Records decisions about several machines with one write. Decisions that are made while the disk writes share the next
 * write, so that a rack of nodes does not wait once for each of them. A decision takes effect when it is on the disk.
 */
import type { Clock } from '../host/clock.ts'
import type { Journal } from './journal.ts'

export type GroupCommit = {
  /** Whether a change of this machine is not on the disk yet: the next step must not rely on it. */
  readonly isBusy: (machine: string) => boolean
  /** Runs a step when all changes of the machine are on the disk, or undone. */
  readonly run: <T>(machine: string, step: () => T | Promise<T>) => Promise<T>
  /**
   * Makes a change, before it returns unless the machine is busy. Resolves when the change is on the disk.
   *
   * @throws what `change` throws, or when it cannot be written; then the record of `machine` is unchanged
   */
  readonly commit: <T>(machine: string, change: () => T) => Promise<T>
  /** Writes all changes of the journal. Resolves when they are on the disk or could not be written. */
  readonly record: () => Promise<void>
  /** Writes all changes now, and blocks while the disk writes. */
  readonly flush: () => void
}

/** A change that is not on the disk yet. */
type Pending = {
  readonly undo: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/**
 * A write uses the event loop before the disk does. The next one waits three times as long as that took: the services run for
 * three quarters of the time, and more decisions share the next write. A decision that comes later does not wait.
 */
const pauseFactor = 3
const maxPauseMs = 100

export function createGroupCommit(
  journal: Pick<Journal, 'attempt' | 'oweWrite' | 'write' | 'commit'>,
  clock: Pick<Clock, 'monotonic' | 'after'>,
): GroupCommit {
  let pending: Pending[] = []
  let isWriting = false
  let pausedUntil = -Infinity
  /** The last step of each machine that is not complete. */
  const steps = new Map<string, Promise<unknown>>()

  async function run<T>(machine: string, step: () => T | Promise<T>): Promise<T> {
    const before = steps.get(machine)
    const { promise: ended, resolve } = Promise.withResolvers<undefined>()
    steps.set(machine, ended)
    try {
      if (before !== undefined) await before
      return await step()
    } finally {
      if (steps.get(machine) === ended) steps.delete(machine)
      resolve(undefined)
    }
  }

  async function write(): Promise<void> {
    const group = pending
    if (isWriting || group.length === 0) return
    pending = []
    isWriting = true
    const startedAt = clock.monotonic()
    try {
      const written = journal.commit()
      const endedAt = clock.monotonic()
      pausedUntil = endedAt + Math.min(pauseFactor * (endedAt - startedAt), maxPauseMs)
      await written
      for (const { done } of group) done()
    } catch (error) {
      fail(group, error)
    } finally {
      isWriting = false
      if (pending.length > 0) writeLater()
    }
  }

  function fail(group: readonly Pending[], error: unknown): void {
    for (const { undo } of group.toReversed()) undo()
    for (const { failed } of group) failed(error)
  }

  function flush(): void {
    const group = pending
    if (group.length === 0) return
    pending = []
    try {
      journal.write()
    } catch (error) {
      fail(group, error)
      return
    }
    for (const { done } of group) done()
  }

  function writeLater(): void {
    const pauseMs = pausedUntil - clock.monotonic()
    if (pauseMs > 0) clock.after(pauseMs, () => void write())
    else setImmediate(() => void write())
  }

  function add(undo: () => void): Promise<void> {
    // A batch of observations that is written before this group contains the change.
    journal.oweWrite()
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    pending.push({ undo, done: () => resolve(undefined), failed: reject })
    if (pending.length === 1 && !isWriting) writeLater()
    return promise
  }

  return {
    isBusy: (machine) => steps.has(machine),
    run,
    commit: (machine, change) =>
      run(machine, () => {
        const { result, undo } = journal.attempt(machine, change)
        return add(undo).then(() => result)
      }),
    record: () => add(() => {}).catch(() => {}),
    flush,
  }
}
