/** Looking at one file or folder of the operator's: what is there is a fact, what is wrong a sentence. Never throws. */
import { constants } from 'node:fs'
import { open, opendir, stat, type FileHandle } from 'node:fs/promises'
import type { FileFact, MissingFile } from '../plan/facts.ts'

/** A regular file that this user can read and that is not empty. */
export async function scanFile(path: string): Promise<FileFact> {
  try {
    const { file, octets } = await openFile(path)
    await file.close()
    return { kind: 'found', path, octets }
  } catch (error) {
    return missing(path, `${path} ${reasonOf(error)}`)
  }
}

/**
 * Opens what {@link scanFile} finds; whoever asks closes it.
 *
 * @throws {Error} whose {@link reasonOf} is what keeps the file from being read
 */
export async function openFile(
  path: string,
): Promise<{ readonly file: FileHandle; readonly octets: number }> {
  // Before opening: to open a pipe waits for its writer, and to open a device may set it going.
  const { size } = await regular(path)
  return { file: await open(path, constants.O_RDONLY | constants.O_NONBLOCK), octets: size }
}

/** The first `octets` of an opened file; fewer when it ends before. */
export async function readOpened(file: FileHandle, octets: number): Promise<Uint8Array> {
  const content = new Uint8Array(octets)
  let length = 0
  for (let read = 1; read > 0 && length < octets; length += read) {
    read = (await file.read(content, length)).bytesRead
  }
  return content.subarray(0, length)
}

async function regular(path: string): Promise<{ readonly size: number }> {
  const found = await stat(path)
  if (found.isDirectory()) throw new Error('is a folder, not a file')
  if (!found.isFile()) throw new Error('is not a regular file')
  if (found.size === 0) throw new Error('is empty')
  return found
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

export function missing(path: string, problem: string): MissingFile {
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
