/** The goal and the time limit of a command that follows something, and its end by a signal. */
import { didYouMean } from '../text/nearest.ts'
import { UsageError } from './command.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000 } as const

/** @returns milliseconds. @throws {UsageError} */
export function parseTimeLimit(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? []
  if (number === undefined)
    throw new UsageError(`--timeout: expected a time such as 90s, 45m, or 2h, not ${text}`)
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
