/**
 * The last valid site in the state directory: the text that was served, and the facts of its scan. If the site file is
 * invalid when slipway starts, it serves this site.
 */
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { deserialize, serialize } from 'node:v8'
import { writeAtomically } from './host/files.ts'
import type { Facts } from './plan/facts.ts'
import { prepareSite, type Ready } from './prepare.ts'
import { loadSiteText } from './site-file.ts'
import { scanSite } from './scan/scan.ts'

const fileName = 'last-good-site.json'
const version = 1

type Saved = {
  readonly version: typeof version
  /** Absolute path of the site file. */
  readonly sitePath: string
  readonly text: string
  readonly changedSeconds: number
  /** Serialized {@link Facts} in base64. */
  readonly facts: string
}

/**
 * The file contains what the site contains, such as the files that it adds to nodes, so only the service user can read it.
 *
 * @throws {NodeJS.ErrnoException} if it cannot be written; an earlier version is unchanged
 */
export async function saveLastGood(
  directory: string,
  sitePath: string,
  { model, file }: Pick<Ready, 'model' | 'file'>,
): Promise<void> {
  const facts = serialize(model.facts).toString('base64')
  const saved: Saved = { version, sitePath: resolve(sitePath), ...file, facts }
  await writeAtomically(join(directory, fileName), JSON.stringify(saved), 0o600)
}

/**
 * Returns undefined if there is no site of that path, or if this version of slipway cannot use it.
 *
 * @param servedSeconds when the site is served again, in seconds since 1970; its zones then have a newer serial
 */
export async function readLastGood(
  directory: string,
  sitePath: string,
  servedSeconds?: number,
): Promise<Ready | undefined> {
  try {
    const saved = JSON.parse(await readFile(join(directory, fileName), 'utf8')) as Partial<Saved>
    const { text, changedSeconds, facts } = saved
    if (saved.version !== version || saved.sitePath !== resolve(sitePath)) return undefined
    if (typeof text !== 'string' || typeof changedSeconds !== 'number' || typeof facts !== 'string')
      return undefined
    const loaded = await loadSiteText(sitePath, {
      text,
      changedSeconds: servedSeconds ?? changedSeconds,
    })
    if (loaded.kind !== 'site') return undefined
    return prepareSite(loaded, readFacts(facts) ?? (await scanSite(loaded.site)))
  } catch {
    return undefined
  }
}

/** The format of serialized values depends on the version of Node.js. */
function readFacts(facts: string): Facts | undefined {
  try {
    return deserialize(Buffer.from(facts, 'base64')) as Facts
  } catch {
    return undefined
  }
}
