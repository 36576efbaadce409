/** Polls the running slipway until it reaches a goal, or until the time limit. */
import { isAborted, pause, type Clock } from '../host/clock.ts'
import { WaitExitCode } from '../cluster/evaluate/stages.ts'
import { ExitCode, type Terminal } from './command.ts'
import { ControlProblem } from './client.ts'
import { printable } from '../text/printable.ts'
import { formatStopwatch } from '../text/format.ts'

/** `reason` is a sentence. */
export type Refusal = { readonly kind: 'refused'; readonly reason: string }
export type PollResult = 'done' | 'late' | 'interrupted' | Refusal

export type PollOptions = {
  /** Returns nothing to continue. @throws {ControlProblem} */
  readonly poll: () => Promise<'done' | Refusal | undefined>
  /** Called once for each outage of slipway; polling continues. */
  readonly onUnreachable: (sentence: string) => void
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** Events between two polls are not lost: they are printed by the next one. */
const intervalMs = 2000

/** @throws {ControlProblem} when slipway refuses the request */
export async function pollUntil({
  poll,
  onUnreachable,
  clock,
  signal,
  timeoutMs,
}: PollOptions): Promise<PollResult> {
  const endMs = clock.monotonic() + timeoutMs
  let isUnreachable = false
  while (!isAborted(signal)) {
    try {
      const end = await poll()
      if (end !== undefined) return end
      isUnreachable = false
    } catch (error) {
      if (!(error instanceof ControlProblem) || error.refusal !== undefined) throw error
      if (!isUnreachable) onUnreachable(error.message)
      isUnreachable = true
    }
    const leftMs = endMs - clock.monotonic()
    if (leftMs <= 0) return 'late'
    await pause(clock, Math.min(intervalMs, leftMs), signal)
  }
  return 'interrupted'
}

/** Prints lines that start with the time since this call, as `slipway wait` does. */
export function stopwatch(terminal: Pick<Terminal, 'out'>, clock: Clock): (text: string) => void {
  const startedMs = clock.monotonic()
  return (text) =>
    terminal.out(`${formatStopwatch(clock.monotonic() - startedMs).padStart(7)}  ${printable(text)}`)
}

/** The same exit codes as `slipway wait`. */
export function exitCodeOf(ended: PollResult): number {
  switch (ended) {
    case 'done':
      return ExitCode.fine
    case 'late':
      return WaitExitCode.install
    case 'interrupted':
      return WaitExitCode.interrupt
    default:
      return ExitCode.problems
  }
}
