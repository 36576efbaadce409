/**
 * The staging directory of an image: a directory beside it whose name starts with a dot. The image is assembled there and
 * renamed when it is complete. A later start resumes an interrupted one; a lock file prevents two at the same time.
 */
import { chmod, mkdir, open, readdir, readFile, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageProblem, reasonOf } from './report.ts'

export type Staging = {
  readonly directory: string
  /** Renames the directory to the name of the image, which publishes it. */
  publish(): Promise<void>
  /** Removes the lock and keeps the files. */
  release(): Promise<void>
  /** Deletes the directory. */
  discard(): Promise<void>
}

const lockName = '.lock'

export function stagingDirectory(store: string, name: string): string {
  return join(store, `.${name}.unfinished`)
}

/** Returns the name of the image that a staging directory belongs to; undefined for other names. */
export function unfinishedName(entry: string): string | undefined {
  return /^\.(.+)\.unfinished$/.exec(entry)?.[1]
}

/**
 * @param files names of the files of the image; other files of an earlier start are deleted
 * @throws {ImageProblem} when another process has the lock, or the directory cannot be created
 */
export async function openStaging(store: string, name: string, files: readonly string[]): Promise<Staging> {
  const directory = stagingDirectory(store, name)
  try {
    await mkdir(directory, { recursive: true })
  } catch (error) {
    throw new ImageProblem('image.write-failed', `cannot create ${directory}: ${reasonOf(error)}`)
  }
  await lock(join(directory, lockName), name)
  for (const entry of await entriesOf(directory)) {
    const isWanted = files.some((file) => entry === file || entry.startsWith(`.${file}.part`))
    if (!isWanted) await rm(join(directory, entry), { recursive: true, force: true })
  }
  const release = () => rm(join(directory, lockName), { force: true })
  return {
    directory,
    release,
    async publish() {
      // Regardless of the umask: the user of the service reads the images, usually not the user that downloads them.
      await chmod(directory, 0o755)
      await release()
      await syncDirectory(directory)
      await rename(directory, join(store, name))
      await syncDirectory(store)
    },
    discard: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Writes the names in a directory to the disk, so that they survive a power failure. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}

async function lock(path: string, name: string): Promise<void> {
  for (let attempts = 0; ; attempts++) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(String(process.pid)).finally(() => file.close())
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new ImageProblem('image.write-failed', `cannot write ${path}: ${reasonOf(error)}`)
      }
      const owner = Number(await readFile(path, 'utf8').catch(() => ''))
      if (isRunning(owner) || attempts > 0) {
        throw new ImageProblem(
          'image.in-progress',

          `another slipway is writing ${name} (process ${owner}); if that process is not slipway, remove ${path}`,
        )
      }
      await rm(path, { force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Returns the names in the directory, without the lock. */
export async function entriesOf(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((entry) => entry !== lockName)
}

/** Returns the free bytes for users other than root; the directory must exist. */
export async function freeOctets(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** Called before a long download. @throws {ImageProblem} when the disk has less than `octets` bytes of free space */
export async function requireFreeSpace(directory: string, octets: number, free = freeOctets): Promise<void> {
  const available = await free(directory)
  if (octets <= available) return
  const [needed, has] = [octets, available].map((each) => `${Math.ceil(each / 1024 ** 2)} MiB`)
  throw new ImageProblem('image.disk-full', `${directory} has ${has} of free space, but ${needed} are needed`)
}
