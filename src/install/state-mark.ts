/**
 * A mark outside of the database which proves that the state was used: it names the database and counts its changes.
 * A missing, empty, older, or foreign database beside a mark is a loss, and not a first start.
 */
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

export type StateMark = {
  /** Identifies the database. */
  readonly id: string
  /** Number of transactions that changed the record of a machine. */
  readonly changes: number
}

const fileName = 'install.mark'
/** A fixed size: updating the mark needs no disk space. */
const size = 128

/** Returns the marks in `directories`; a damaged mark counts as one that no database matches. */
export function readMarks(directories: readonly string[]): StateMark[] {
  return directories.flatMap((directory) => {
    const text = readText(join(directory, fileName))
    return text === undefined ? [] : [parseMark(text)]
  })
}

/** Writes the mark into each directory and syncs it. @throws when one of them cannot be written */
export function writeMarks(directories: readonly string[], mark: StateMark): void {
  const text = `${JSON.stringify(mark).padEnd(size - 1)}\n`
  for (const directory of directories) writeSynced(directory, join(directory, fileName), text)
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : ''
  }
}

function parseMark(text: string): StateMark {
  try {
    const { id, changes } = JSON.parse(text) as Partial<StateMark>
    if (typeof id === 'string' && typeof changes === 'number') return { id, changes }
  } catch {
    // Reported by the caller: no database has an empty ID.
  }
  return { id: '', changes: 0 }
}

function writeSynced(directory: string, path: string, text: string): void {
  const isNew = !existsSync(path)
  const file = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
  try {
    writeSync(file, text, 0)
    fdatasyncSync(file)
  } finally {
    closeSync(file)
  }
  // The event loop waits for each sync, so the name of the file is synced only once.
  if (!isNew) return
  const folder = openSync(directory, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
