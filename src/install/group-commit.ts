/**
 * Records decisions about several machines with one write. A write waits for the disk and blocks the process. Decisions
 * that are made at the same time share it, so that a rack of nodes does not wait once for each of them. A decision takes
 * effect after its write.
 */
import type { Clock } from '../host/clock.ts'
import type { Journal } from './journal.ts'

export type GroupCommit = {
  /** Writes now if a change of this machine is not written yet: the next step must not rely on it. */
  readonly settle: (machine: string) => void
  /**
   * Makes a change before it returns, and resolves when the change is written.
   *
   * @throws what `change` throws, or when it cannot be written; then the record of `machine` is unchanged
   */
  readonly commit: <T>(machine: string, change: () => T) => Promise<T>
  /** Writes all changes now. */
  readonly flush: () => void
}

/** A change that is not written yet. */
type Pending = {
  readonly undo: () => void
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

/**
 * After a write, the next one waits three times as long as the write took: the services run for three quarters of the time,
 * and more decisions share the next write. A decision that comes later does not wait.
 */
const pauseFactor = 3
const maxPauseMs = 100

export function createGroupCommit(
  journal: Pick<Journal, 'attempt' | 'oweWrite' | 'write'>,
  clock: Pick<Clock, 'monotonic' | 'after'>,
): GroupCommit {
  let pending: Pending[] = []
  const machines = new Set<string>()
  let pausedUntil = -Infinity

  const flush = (): void => {
    const group = pending
    if (group.length === 0) return
    pending = []
    machines.clear()
    const startedAt = clock.monotonic()
    try {
      journal.write()
    } catch (error) {
      for (const { undo } of group.toReversed()) undo()
      for (const { failed } of group) failed(error)
      return
    }
    const endedAt = clock.monotonic()
    pausedUntil = endedAt + Math.min(pauseFactor * (endedAt - startedAt), maxPauseMs)
    for (const { done } of group) done()
  }

  const settle = (machine: string): void => {
    if (machines.has(machine)) flush()
  }

  function flushLater(): void {
    const pauseMs = pausedUntil - clock.monotonic()
    if (pauseMs > 0) clock.after(pauseMs, flush)
    else setImmediate(flush)
  }

  return {
    settle,
    async commit(machine, change) {
      settle(machine)
      const { result, undo } = journal.attempt(machine, change)
      // A batch of observations that is written before this group contains the change.
      journal.oweWrite()
      return new Promise((resolve, reject) => {
        machines.add(machine)
        pending.push({ undo, done: () => resolve(result), failed: reject })
        if (pending.length === 1) flushLater()
      })
    },
    flush,
  }
}
