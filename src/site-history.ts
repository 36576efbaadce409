/**
 * The last valid sites in the state directory, so that an administrator can return to one of them: the text of each site
 * file, when it was served first, and what it changed. The number of files and their size are bounded.
 */
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { writeAtomically } from './host/files.ts'

export type HistoryEntry = {
  /** Milliseconds since 1970. */
  readonly at: number
  /** What it changed, on one line. */
  readonly summary: string
  /** The users who requested the change; absent for a start, a signal, and an automatic rollback. */
  readonly by?: string
  /** The text of the site file. */
  readonly text: string
}

const folderName = 'site-history'
const version = 1
const maxEntries = 20
const maxBytes = 32 * 1024 * 1024

type Saved = HistoryEntry & { readonly version: typeof version; readonly sitePath: string }

/**
 * Adds a site, unless the newest entry has the same text, and removes the oldest ones beyond the limits. Only the service
 * user can read the files: a site contains what the administrator adds to nodes.
 *
 * @throws {NodeJS.ErrnoException} if it cannot be written
 */
export async function addToHistory(directory: string, sitePath: string, entry: HistoryEntry): Promise<void> {
  const folder = join(directory, folderName)
  await mkdir(folder, { mode: 0o700, recursive: true })
  const [newest] = await readHistory(directory, sitePath)
  if (newest?.text === entry.text) return
  const names = await entryNames(folder)
  const number = Number.parseInt(names[0] ?? '0', 10) + 1
  const saved: Saved = { version, sitePath: resolve(sitePath), ...entry }
  await writeAtomically(join(folder, nameOf(number)), JSON.stringify(saved), 0o600)
  await removeOldest(folder)
}

/** Returns the sites of this path, the newest first, without those that cannot be read. */
export async function readHistory(directory: string, sitePath: string): Promise<HistoryEntry[]> {
  const folder = join(directory, folderName)
  const entries: HistoryEntry[] = []
  for (const name of await entryNames(folder)) {
    const entry = await readEntry(join(folder, name), resolve(sitePath))
    if (entry !== undefined) entries.push(entry)
  }
  return entries
}

async function readEntry(path: string, sitePath: string): Promise<HistoryEntry | undefined> {
  try {
    const saved = JSON.parse(await readFile(path, 'utf8')) as Partial<Saved>
    const { at, summary, text, by } = saved
    if (saved.version !== version || saved.sitePath !== sitePath) return undefined
    if (typeof at !== 'number' || typeof summary !== 'string' || typeof text !== 'string') return undefined
    return { at, summary, text, ...(typeof by === 'string' ? { by } : {}) }
  } catch {
    return undefined
  }
}

async function removeOldest(folder: string): Promise<void> {
  let bytes = 0
  for (const [index, name] of (await entryNames(folder)).entries()) {
    bytes += (await stat(join(folder, name))).size
    if (index > 0 && (index >= maxEntries || bytes > maxBytes)) await rm(join(folder, name), { force: true })
  }
}

function nameOf(number: number): string {
  return `${String(number).padStart(8, '0')}.json`
}

/** Returns the names of the files, the newest first. */
async function entryNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => /^\d{8}\.json$/.test(name))
    .sort()
    .reverse()
}
