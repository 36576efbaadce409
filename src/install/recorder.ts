/**
 * How a decision becomes a record before it takes effect: on this machine alone, or agreed with the other appliances of
 * the site (shared/).
 */
import type { Clock } from '../host/clock.ts'
import type { StateProblem } from './codes.ts'
import { createGroupCommit } from './group-commit.ts'
import type { Journal } from './journal.ts'

/** The other appliances did not confirm a decision; the message is a sentence. */
export class NotRecorded extends Error {
  override readonly name = 'NotRecorded'
  readonly code: 'store.unreachable' | 'store.claimed'
  constructor(code: NotRecorded['code'], message: string) {
    super(message)
    this.code = code
  }
}

export type Recorder = {
  /** Runs a step of a machine: at once, or after the decision about this machine that is being recorded. */
  inTurn(machine: string, step: () => void): void
  /** Resolves after the steps of a machine that wait for their turn. Never rejects. */
  settled(machine: string): Promise<void>
  /**
   * Makes a change and records it, together with all unwritten changes, before it resolves. The change can run again,
   * on another record of the machine, when another appliance changed that first.
   *
   * @param isDecision false for a fact, which is true without the other appliances; they learn of it when they can
   * @throws when it cannot be recorded; then the record of `machine` is unchanged
   */
  commit<T>(machine: string, change: () => T, isDecision?: boolean): Promise<T>
  /**
   * Writes all unwritten changes. Resolves when they are on the disk, or cannot be written now: the journal logs that and
   * tries again. Never rejects.
   */
  record(): Promise<void>
  /** Problems that prevent decisions from being recorded. */
  problems(): readonly StateProblem[]
  /** Accepts that the shared records were replaced. @throws when that cannot be recorded */
  accept(): void
  close(): void
}

/** Records on this machine alone. The change runs before the call returns, or after the last decision about the machine. */
export function createLocalRecorder(journal: Journal, clock: Clock): Recorder {
  const { run, isBusy, commit, record, flush } = createGroupCommit(journal, clock)
  return {
    inTurn(machine, step) {
      if (isBusy(machine)) void run(machine, step)
      else step()
    },
    settled: (machine) => (isBusy(machine) ? run(machine, () => {}) : Promise.resolve()),
    commit,
    record,
    problems: () => [],
    accept() {},
    close: flush,
  }
}
