/**
 * The record of a site that an administrator has not confirmed, or that was rolled back. It is in the state directory, so
 * that a restart does not serve that site again.
 */
import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { writeAtomically } from './host/files.ts'

export type SiteRecord =
  /** Served, but not confirmed; after a restart, the last confirmed site is served. */
  | { readonly kind: 'pending'; readonly confirmBy: number }
  /** `hash`: of the site file that is not served, until it changes. `reason`: a sentence. */
  | { readonly kind: 'rolled-back'; readonly at: number; readonly hash: string; readonly reason: string }

const fileName = 'site-confirmation.json'
const version = 1

/** @throws {NodeJS.ErrnoException} if it cannot be written; an earlier record is unchanged */
export async function writeSiteRecord(
  directory: string,
  sitePath: string,
  record: SiteRecord,
): Promise<void> {
  const saved = { version, sitePath: resolve(sitePath), record }
  await writeAtomically(join(directory, fileName), JSON.stringify(saved), 0o600)
}

/** @throws {NodeJS.ErrnoException} if there is a record that cannot be removed */
export async function removeSiteRecord(directory: string): Promise<void> {
  await rm(join(directory, fileName), { force: true })
}

/** Returns undefined if there is none for the site file of that path. */
export async function readSiteRecord(directory: string, sitePath: string): Promise<SiteRecord | undefined> {
  try {
    const saved = JSON.parse(await readFile(join(directory, fileName), 'utf8')) as {
      readonly version?: unknown
      readonly sitePath?: unknown
      readonly record?: SiteRecord
    }
    return saved.version === version && saved.sitePath === resolve(sitePath) ? saved.record : undefined
  } catch {
    return undefined
  }
}

export function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
