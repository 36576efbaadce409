/** How far a command goes before it ends by itself, and for how long, as that is given on a command line. */
import { didYouMean } from '../text/nearest.ts'
import { UsageError } from './command.ts'

const unitMs = { s: 1000, m: 60_000, h: 3_600_000 } as const

/** @returns milliseconds. @throws {UsageError} */
export function parseTimeLimit(text: string): number {
  const [, number, unit] = /^([1-9]\d{0,4})([smh])$/.exec(text) ?? []
  if (number === undefined) throw new UsageError(`--timeout takes a time such as 90s, 45m or 2h, not ${text}`)
  return Number(number) * unitMs[unit as keyof typeof unitMs]
}

/** @throws {UsageError} */
export function parseEnd<End extends string>(text: string, ends: readonly End[]): End {
  const end = ends.find((each) => each === text)
  if (end !== undefined) return end
  throw new UsageError(
    `--until takes one of ${ends.join(', ')}, not ${JSON.stringify(text)}${didYouMean(text, ends)}`,
  )
}

/** Commands that follow something for a long time, and end in order when a person has seen enough. */

/** Runs until it ends; SIGINT and SIGTERM abort the signal. */
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
