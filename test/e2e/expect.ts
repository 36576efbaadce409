/** What checks say when something is not as it should be: one sentence, which the runner prints. */
import { lastLines } from './process.ts'

export class Unexpected extends Error {
  override readonly name = 'Unexpected'
}

/** @throws {Unexpected} unless both are the same text, number or boolean */
export function expectEqual<T extends string | number | boolean | undefined>(
  actual: T,
  expected: T,
  what: string,
): void {
  if (actual !== expected) throw new Unexpected(`${what}: got ${show(actual)}, expected ${show(expected)}`)
}

/** @throws {Unexpected} unless `text` has a match; the end of the text is part of the message */
export function expectMatch(text: string, pattern: RegExp, what: string): RegExpExecArray {
  const match = pattern.exec(text)
  if (match === null) throw new Unexpected(`${what}: no ${String(pattern)} in:\n${lastLines(text, 25)}`)
  return match
}

/** @throws {Unexpected} when `text` has a match */
export function expectNoMatch(text: string, pattern: RegExp, what: string): void {
  const match = pattern.exec(text)
  if (match !== null) throw new Unexpected(`${what}: ${show(match[0])} in:\n${lastLines(text, 25)}`)
}

/** @throws {Unexpected} with `message` */
export function expect(isSo: boolean, message: string): asserts isSo {
  if (!isSo) throw new Unexpected(message)
}

function show(value: string | number | boolean | undefined): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}
