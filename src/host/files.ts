/** Files that other programs read: whole at every moment, also after a crash. */
import { open, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces the file, or makes it. Readers find the old text or the new one, never a part. A file that
 * exists keeps its mode, and its owner where we may set it; a symbolic link keeps pointing where it did.
 *
 * @param mode of a new file
 * @throws {NodeJS.ErrnoException} with the old file in place
 */
export async function writeAtomically(path: string, text: string, mode = 0o644): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const directory = await open(dirname(target), 'r')
  try {
    await replace(target, text, mode)
    await directory.sync()
  } finally {
    await directory.close()
  }
}

async function replace(target: string, text: string, mode: number): Promise<void> {
  // Beside the target, because a rename is atomic within one file system only.
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.new`)
  try {
    const file = await open(temporary, 'w', mode)
    try {
      await takeAfter(file, target, mode)
      await file.writeFile(text)
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

async function takeAfter(file: FileHandle, target: string, mode: number): Promise<void> {
  const [fresh, old] = await Promise.all([file.stat(), stat(target).catch(() => undefined)])
  if (old !== undefined && (old.uid !== fresh.uid || old.gid !== fresh.gid)) {
    await file.chown(old.uid, old.gid).catch(() => undefined)
  }
  // Explicitly, because the umask took its part when the file was opened.
  await file.chmod(old === undefined ? mode : old.mode & 0o7777)
}
