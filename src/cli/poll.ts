/** Polls the running slipway until a goal is reached, a time limit has passed, or a signal arrives. */
import { isAborted, pause, type Clock } from '../host/clock.ts'
import { WaitExitCode } from '../cluster/evaluate/stages.ts'
import { ExitCode, type Terminal, UsageError } from './command.ts'
import { ControlProblem } from './client.ts'
import { printable } from '../text/lines.ts'
import { formatStopwatch } from '../text/format.ts'
import { didYouMean } from '../text/nearest.ts'

/** `reason` is a sentence. */
export type Refusal = { readonly kind: 'refused'; readonly reason: string }
export type PollResult = 'done' | 'late' | 'interrupted' | Refusal

type PollOptions = {
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

const unitMs = { s: 1000, m: 60_000, h: 3_600_000 } as const

/**
 * @param longest example of a long time, which the command accepts
 * @returns milliseconds
 * @throws {UsageError}
 */
export function parseTimeLimit(text: string, longest = '2h'): number {
  const [, number, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? []
  if (number === undefined)
    throw new UsageError(`--timeout: expected a time such as 90s, 45m, or ${longest}, not ${text}`)
  return Number(number) * unitMs[unit as keyof typeof unitMs]
}

/** @throws {UsageError} */
export function parseGoal<Goal extends string>(text: string, goals: readonly Goal[]): Goal {
  const goal = goals.find((each) => each === text)
  if (goal !== undefined) return goal
  throw new UsageError(
    `--until: expected one of ${goals.join(', ')}, not ${JSON.stringify(text)}${didYouMean(text, goals)}`,
  )
}

/** Runs a function whose signal SIGINT and SIGTERM abort. */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  try {
    return await run(interrupted.signal)
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}
