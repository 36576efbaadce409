/** Golden files: what was rendered once and read by a person. `UPDATE=1 npm test` writes them anew, for review as a diff. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'

/** @param file below test/fixtures */
export function golden(t: Test, file: string, actual: string): void {
  const path = new URL(`../fixtures/${file}`, import.meta.url)
  if (process.env['UPDATE'] === '1') writeFileSync(path, actual)
  t.equal(actual, readFileSync(path, 'utf8'), `as in test/fixtures/${file}`)
}
