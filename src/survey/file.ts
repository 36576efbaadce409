/** Looking at one file or folder of the operator's: what is there is a fact, what is wrong a sentence. Never throws. */
import { constants } from 'node:fs'
import { open, opendir, stat, type FileHandle } from 'node:fs/promises'
import type { FileFact } from '../plan/facts.ts'

/** A regular file that this user can read and that is not empty. */
export async function surveyFile(path: string): Promise<FileFact> {
  return withFile(path, (_, octets) => Promise.resolve({ kind: 'found', path, octets }))
}

/** As {@link surveyFile}, and whatever `look` finds in the opened file. */
export async function withFile(
  path: string,
  look: (file: FileHandle, octets: number) => Promise<FileFact>,
): Promise<FileFact> {
  try {
    // Before opening: to open a pipe waits for its writer, and to open a device may set it going.
    const { size } = await regular(path)
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    return await look(file, size).finally(() => file.close())
  } catch (error) {
    return missing(path, `${path} ${reasonOf(error)}`)
  }
}

async function regular(path: string): Promise<{ readonly size: number }> {
  const found = await stat(path)
  if (found.isDirectory()) throw new Error('is a folder, not a file')
  if (!found.isFile()) throw new Error('is not a regular file')
  if (found.size === 0) throw new Error('is empty')
  return found
}

/** The first `octets` of it as text. */
export async function readText(file: FileHandle, octets: number): Promise<string> {
  const { buffer, bytesRead } = await file.read({ buffer: new Uint8Array(octets) })
  return new TextDecoder().decode(buffer.subarray(0, bytesRead))
}

export type Folder =
  | { readonly kind: 'listed'; readonly names: readonly string[] }
  | { readonly kind: 'unlisted'; readonly problem: string }

/** An image's folder holds a dozen files; one that holds more than this was not meant. */
const mostNames = 10_000

/** The names in a folder, sorted, without dotfiles. */
export async function listFolder(path: string, most = mostNames): Promise<Folder> {
  try {
    const names: string[] = []
    for await (const { name } of await opendir(path)) {
      if (!name.startsWith('.')) names.push(name)
      if (names.length > most) throw new Error(`holds more than ${most} files: give it a folder of its own`)
    }
    return { kind: 'listed', names: names.sort() }
  } catch (error) {
    return { kind: 'unlisted', problem: `${path} ${reasonOf(error)}` }
  }
}

/** What keeps a folder's files from being served, a whole sentence; `undefined` when nothing does. */
export async function folderProblem(path: string): Promise<string | undefined> {
  try {
    await opendir(path).then((folder) => folder.close())
    return undefined
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code === 'ENOTDIR' && (await exists(path))
    return `${path} ${isFile ? 'is not a folder' : reasonOf(error)}`
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

export function missing(path: string, problem: string): FileFact {
  return { kind: 'missing', path, problem }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'may not be read by the user that slipway runs as',
  EPERM: 'may not be read by the user that slipway runs as',
  ELOOP: 'is a symbolic link that leads in a circle',
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of the path is a file, not a folder',
}

/** The rest of a sentence that begins with the path. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return reasons[code ?? ''] ?? (code === undefined ? message : `cannot be read: ${message}`)
}
