/** Golden files: reviewed output. `UPDATE=1 npm test` rewrites them, and the diff can be reviewed. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'

/** @param file below test/fixtures */
export function golden(t: Test, file: string, actual: string): void {
  const path = new URL(`../fixtures/${file}`, import.meta.url)
  if (process.env['UPDATE'] === '1') writeFileSync(path, actual)
  t.equal(actual, readFileSync(path, 'utf8'), `as in test/fixtures/${file}`)
}
