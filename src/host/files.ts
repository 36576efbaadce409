/** Atomic replacement of files that other programs read: always complete, even after a crash. */
import { open, readdir, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Creates or replaces a file. Readers see the old text or the new text, never a part. An existing file keeps its
 * mode, and its owner if this process can set it; a symbolic link keeps its target.
 *
 * @param mode of a new file
 * @throws {NodeJS.ErrnoException} the old file is unchanged
 */
export async function writeAtomically(
  path: string,
  content: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const directory = await open(dirname(target), 'r')
  try {
    await replace(target, content, mode)
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function replace(target: string, content: string | Uint8Array, mode: number): Promise<void> {
  // In the same directory, because a rename is atomic only within one file system.
  const temporary = await temporaryFor(target)
  try {
    const file = await open(temporary, 'w', mode)
    try {
      await copyModeAndOwner(file, target, mode)
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

async function copyModeAndOwner(file: FileHandle, target: string, mode: number): Promise<void> {
  const [fresh, old] = await Promise.all([file.stat(), stat(target).catch(() => undefined)])
  if (old !== undefined && (old.uid !== fresh.uid || old.gid !== fresh.gid)) {
    await file.chown(old.uid, old.gid).catch(() => undefined)
  }
  // Explicitly, because open() applied the umask.
  await file.chmod(old === undefined ? mode : old.mode & 0o7777)
}

/**
 * Returns the name of a temporary file beside `path`, and removes those that killed processes left: they can be as large
 * as an image.
 */
export async function temporaryFor(path: string): Promise<string> {
  const name = basename(path)
  const directory = dirname(path)
  for (const each of await readdir(directory).catch(() => [])) {
    const pid = each.startsWith(`.${name}.`) ? pidOf(each.slice(name.length + 1)) : undefined
    if (pid === undefined || isRunning(pid)) continue
    await rm(join(directory, each), { force: true }).catch(() => undefined)
  }
  return join(directory, `.${name}.${process.pid}.new`)
}

function pidOf(suffix: string): number | undefined {
  const pid = Number(/^\.(\d+)\.new$/.exec(suffix)?.[1])
  return pid > 0 ? pid : undefined
}

/**
 * Removes temporary files of {@link writeAtomically} and of exports that a killed process left in a directory. Call it
 * before this process writes there. Never rejects.
 *
 * @returns the removed paths
 */
export async function removeLitter(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch(() => [])
  const removed: string[] = []
  for (const name of names) {
    const pid = Number(/^\..+\.(\d+)\.new$/.exec(name)?.[1])
    // An earlier process can have had the ID of this one: in a container, the ID is always the same.
    if (!(pid > 0) || (pid !== process.pid && isRunning(pid))) continue
    const path = join(directory, name)
    const isGone = await rm(path).then(
      () => true,
      () => false,
    )
    if (isGone) removed.push(path)
  }
  return removed
}

export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
