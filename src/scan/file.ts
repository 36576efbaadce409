/** Scans one file or directory of the administrator: returns a fact, or a sentence with the problem. Never throws. */
import { constants } from 'node:fs'
import { open, opendir, stat, type FileHandle } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import type { PlanCode } from '../plan/codes.ts'
import type { AddedFileFact, FileFact, MissingFile } from '../plan/facts.ts'

/** Checks that a path is a regular file, readable by this user, and not empty. @param code of the fact if it is not */
export async function scanFile(path: string, code: PlanCode): Promise<FileFact> {
  try {
    const { file, octets } = await openFile(path)
    await file.close()
    return { kind: 'found', path, octets }
  } catch (error) {
    return missing(code, path, `${path} ${reasonOf(error)}`)
  }
}

/**
 * Opens a file under the conditions of {@link scanFile}. The caller closes it.
 *
 * @throws {Error} {@link reasonOf} explains it
 */
export async function openFile(
  path: string,
): Promise<{ readonly file: FileHandle; readonly octets: number }> {
  // Checked before opening, because opening a pipe waits for its writer, and opening a device can have effects.
  const { size } = await regular(path)
  return { file: await open(path, constants.O_RDONLY | constants.O_NONBLOCK), octets: size }
}

/** Returns the first `octets` bytes of an open file, or fewer if it is shorter. */
export async function readOpened(file: FileHandle, octets: number): Promise<Uint8Array> {
  const content = new Uint8Array(octets)
  let length = 0
  for (let read = 1; read > 0 && length < octets; length += read) {
    read = (await file.read(content, length)).bytesRead
  }
  return content.subarray(0, length)
}

/** Most are embedded in an Ignition file, which the node keeps in memory. */
const maxSmallFileBytes = 1024 * 1024

/** Reads a whole file under the conditions of {@link scanFile}. @param code of the fact if it cannot be read */
export async function scanSmallFile(path: string, code: PlanCode): Promise<AddedFileFact> {
  try {
    const { file, octets } = await openFile(path)
    if (octets > maxSmallFileBytes) {
      await file.close()
      throw new Error(`is too large: ${octets} bytes, the maximum is ${maxSmallFileBytes}`)
    }
    const content = await readOpened(file, octets).finally(() => file.close())
    return { kind: 'found', path, octets, content }
  } catch (error) {
    return missing(code, path, `${path} ${reasonOf(error)}`)
  }
}

/** Reports whether every user of this machine can read a file that exists. */
export async function isReadableByAll(path: string): Promise<boolean> {
  const [file, folder] = await Promise.all([stat(path), stat(dirname(path))])
  return (file.mode & 0o004) !== 0 && (folder.mode & 0o001) !== 0
}

async function regular(path: string): Promise<{ readonly size: number }> {
  const found = await stat(path)
  if (found.isDirectory()) throw new Error('is a directory, not a file')
  if (!found.isFile()) throw new Error('is not a regular file')
  if (found.size === 0) throw new Error('is empty')
  return found
}

/** Returns when a file was last written, milliseconds since 1970; undefined if that cannot be read. */
export async function modifiedAt(path: string): Promise<number | undefined> {
  try {
    return Math.round((await stat(path)).mtimeMs)
  } catch {
    return undefined
  }
}

export type Folder =
  | { readonly kind: 'listed'; readonly names: readonly string[] }
  | { readonly kind: 'unlisted'; readonly problem: string }

/** The directory of an image has about a dozen files. */
const maxNames = 10_000

/** Returns the names in a directory, sorted, without dotfiles. */
export async function listFolder(path: string, max = maxNames): Promise<Folder> {
  try {
    const names: string[] = []
    for await (const { name } of await opendir(path)) {
      if (!name.startsWith('.')) names.push(name)
      if (names.length > max) throw new Error(`has more than ${max} files: use a separate directory`)
    }
    return { kind: 'listed', names: names.sort() }
  } catch (error) {
    return { kind: 'unlisted', problem: `${path} ${reasonOf(error)}` }
  }
}

/** Returns why the files of a directory cannot be served, a sentence; undefined if they can. */
export async function folderProblem(path: string): Promise<string | undefined> {
  try {
    await opendir(path).then((folder) => folder.close())
    return undefined
  } catch (error) {
    const isFile = (error as NodeJS.ErrnoException).code === 'ENOTDIR' && (await exists(path))
    return `${path} ${isFile ? 'is not a directory' : reasonOf(error)}`
  }
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

export function missing(code: PlanCode, path: string, problem: string): MissingFile {
  return { kind: 'missing', code, path, problem }
}

const reasons: Readonly<Record<string, string>> = {
  ELOOP: 'is a loop of symbolic links',
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist: a part of the path is a file, not a directory',
}

/** Returns the rest of a sentence that starts with the path. @param user by default the one that this process runs as */
export function reasonOf(error: unknown, user?: string): string {
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'EACCES' || code === 'EPERM') {
    return withoutPermission(error as NodeJS.ErrnoException, user ?? userName())
  }
  return reasons[code] ?? (code === '' ? message : `cannot be read: ${message}`)
}

function withoutPermission({ syscall, path = 'PATH' }: NodeJS.ErrnoException, user: string): string {
  const text = `cannot be read by the user ${user}`
  // stat() needs no permission for the file itself, and a directory can belong to the system.
  if (syscall !== 'open') return `${text}; run "namei -l ${path}" to see the owner and mode of each directory`
  if (user === serviceUser) return `${text}; run "chown ${user} ${path}"`
  return `${text}; run the command as the user of the service (runuser -u ${serviceUser}), or let this user read it`
}

/** The name in systemd/slipway.sysusers.conf. */
const serviceUser = 'slipway'

/** Returns the name of the user that this process runs as, or its ID if it has no name, as in a container. */
export function userName(info: () => { readonly username: string } = userInfo): string {
  try {
    return info().username
  } catch {
    return String(process.getuid?.())
  }
}
