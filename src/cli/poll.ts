/** Looks again and again at what a running slipway says, until it is as wished or the time is over. */
import { pause } from '../host/pause.ts'
import { WaitExitCode } from '../cluster/stages.ts'
import type { Clock } from '../host/clock.ts'
import { ExitCode, type Terminal } from './command.ts'
import { ControlProblem } from './client.ts'
import { printable } from '../text/printable.ts'
import { formatStopwatch } from '../text/duration.ts'

/** `reason` is a sentence. */
export type Refusal = { readonly kind: 'refused'; readonly reason: string }
export type PollResult = 'done' | 'late' | 'interrupted' | Refusal

export type PollOptions = {
  /** @returns nothing to go on. @throws {ControlProblem} */
  readonly look: () => Promise<'done' | Refusal | undefined>
  /** Told once each time that slipway cannot be asked; it is asked again. */
  readonly onAway: (sentence: string) => void
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/** What a person reads as it happens; what happens in between is told all the same. */
const everyMs = 2000

/** @throws {ControlProblem} when slipway refuses to answer */
export async function pollUntil({
  look,
  onAway,
  clock,
  signal,
  timeoutMs,
}: PollOptions): Promise<PollResult> {
  const endMs = clock.monotonic() + timeoutMs
  let isAway = false
  while (!isOver(signal)) {
    try {
      const end = await look()
      if (end !== undefined) return end
      isAway = false
    } catch (error) {
      if (!(error instanceof ControlProblem) || error.refusal !== undefined) throw error
      if (!isAway) onAway(error.message)
      isAway = true
    }
    const leftMs = endMs - clock.monotonic()
    if (leftMs <= 0) return 'late'
    await pause(clock, Math.min(everyMs, leftMs), signal)
  }
  return 'interrupted'
}

/** Lines with the time since now before them, as `slipway wait` writes them. */
export function stopwatch(terminal: Pick<Terminal, 'out'>, clock: Clock): (text: string) => void {
  const startedMs = clock.monotonic()
  return (text) =>
    terminal.out(`${formatStopwatch(clock.monotonic() - startedMs).padStart(7)}  ${printable(text)}`)
}

/** As `slipway wait` has them. */
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

/** Asked anew after each wait: the compiler believes that a signal once seen stays as it was. */
function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
