/** Assertions of the checks. A failure is one sentence, which the runner prints. */
import { lastLines } from './process.ts'

export class Unexpected extends Error {
  override readonly name = 'Unexpected'
}

/** @throws {Unexpected} unless both are the same text, number, or boolean */
export function expectEqual<T extends string | number | boolean | undefined>(
  actual: T,
  expected: T,
  what: string,
): void {
  if (actual !== expected) throw new Unexpected(`${what}: got ${show(actual)}, expected ${show(expected)}`)
}

/** @throws {Unexpected} unless `text` matches; the message contains the end of the text */
export function expectMatch(text: string, pattern: RegExp, what: string): RegExpExecArray {
  const match = pattern.exec(text)
  if (match === null)
    throw new Unexpected(`${what}: does not match ${String(pattern)}:\n${lastLines(text, 25)}`)
  return match
}

/** @throws {Unexpected} if `text` matches */
export function expectNoMatch(text: string, pattern: RegExp, what: string): void {
  const match = pattern.exec(text)
  if (match !== null)
    throw new Unexpected(`${what}: must not contain ${show(match[0])}:\n${lastLines(text, 25)}`)
}

/** @throws {Unexpected} with `message` */
export function expect(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Unexpected(message)
}

function show(value: string | number | boolean | undefined): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
