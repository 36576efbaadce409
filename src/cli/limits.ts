/** How far a command goes before it ends by itself, and for how long, as that is given on a command line. */
import { nearest } from '../site/nearest.ts'
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
  const meant = nearest(text, ends)
  const guess = meant === undefined ? '' : ` (did you mean ${meant}?)`
  throw new UsageError(`--until takes one of ${ends.join(', ')}, not ${JSON.stringify(text)}${guess}`)
}
