/**
 * How a decision becomes a record before it takes effect: on this machine alone, or agreed with the other appliances of
 * the site (shared/).
 */
import type { StateProblem } from './codes.ts'
import type { Journal } from './journal.ts'

export type Recorder = {
  /** Runs a step of a machine: at once, or after the decision about this machine that is being recorded. */
  inTurn(machine: string, step: () => void): void
  /**
   * Makes a change and records it, together with all unwritten changes, before it resolves. The change can run again,
   * on another record of the machine, when another appliance changed that first.
   *
   * @throws when it cannot be recorded; then the record of `machine` is unchanged
   */
  commit<T>(machine: string, change: () => T): Promise<T>
  /** What keeps decisions from being recorded. */
  problems(): readonly StateProblem[]
  close(): void
}

/** Records on this machine alone. The change runs before the call returns. */
export function createLocalRecorder(journal: Pick<Journal, 'keep'>): Recorder {
  return {
    inTurn: (_machine, step) => step(),
    commit: (machine, change) => new Promise((resolve) => resolve(journal.keep(machine, change))),
    problems: () => [],
    close() {},
  }
}
