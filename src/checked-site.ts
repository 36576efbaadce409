/**
 * Sites that this build of slipway has validated, in its cache directory. Reading and validating the site file takes
 * half of the start-up time. The result depends only on the text, the path, and the program, so a site is used again
 * only if all three are the same; anything else is validated.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { cacheDirectory } from './host/startup.ts'
import { writeAtomically } from './host/files.ts'
import type { Site } from './site/schema.ts'

/** Only this user can write to the directory: what is in it counts as validated. */
export type CheckedSites = { readonly directory: string; readonly build: string }

type Key = { readonly path: string; readonly text: string }
type Saved = Key & { readonly build: string; readonly site: Site }

const fileName = 'checked-site'
const hashBytes = 32

/** Set by packaging/bundle.ts. The source has no build: it can change while its files keep their names. */
declare const BUILD_ID: string | undefined

/** Returns the cache of this process; undefined if it runs from the source, or has no cache directory. */
export function checkedSites(
  build = typeof BUILD_ID === 'undefined' ? undefined : BUILD_ID,
  directory = cacheDirectory(),
): CheckedSites | undefined {
  return build === undefined || directory === undefined ? undefined : { build, directory }
}

/** Returns undefined if this build did not validate this text at this path. Never rejects. */
export async function readCheckedSite(
  { directory, build }: CheckedSites,
  { path, text }: Key,
): Promise<Site | undefined> {
  try {
    const bytes = await readFile(join(directory, fileName))
    const content = bytes.subarray(hashBytes)
    // A damaged file could still be readable.
    if (!hashOf(content).equals(bytes.subarray(0, hashBytes))) return undefined
    const saved = deserialize(content) as Saved
    return saved.build === versionOf(build) && saved.path === path && saved.text === text
      ? saved.site
      : undefined
  } catch {
    return undefined
  }
}

/** Never rejects: without the file, the next start validates the site again. */
export async function saveCheckedSite(
  { directory, build }: CheckedSites,
  { path, text }: Key,
  site: Site,
): Promise<void> {
  const content = serialize({ build: versionOf(build), path, text, site } satisfies Saved)
  const bytes = Buffer.concat([hashOf(content), content])
  await writeAtomically(join(directory, fileName), bytes, 0o600).catch(() => undefined)
}

/** The format of serialized values depends on the version of Node.js. */
function versionOf(build: string): string {
  return `${build} ${process.version}`
}

function hashOf(content: Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}
