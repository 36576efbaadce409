/**
 * The dot folder beside an image in which it is put together, so that the image appears complete or not at all. What an
 * interrupted start left in it is gone on with; a lock keeps two of them apart.
 */
import { chmod, mkdir, open, readdir, readFile, rename, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageProblem, reasonOf } from './problem.ts'

export type Staging = {
  readonly folder: string
  /** Gives the folder its name: the image is there. */
  publish(): Promise<void>
  /** Lets go of it, with what it holds. */
  release(): Promise<void>
  /** Takes it away. */
  discard(): Promise<void>
}

const lockName = '.lock'

export function stagingFolder(store: string, name: string): string {
  return join(store, `.${name}.unfinished`)
}

/** The image that a name in the store is the unfinished form of. */
export function unfinishedName(entry: string): string | undefined {
  return /^\.(.+)\.unfinished$/.exec(entry)?.[1]
}

/**
 * @param files that are going to be in it: what else an earlier start left there is taken away
 * @throws {ImageProblem} when another one is at it, or it cannot be made
 */
export async function openStaging(store: string, name: string, files: readonly string[]): Promise<Staging> {
  const folder = stagingFolder(store, name)
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw new ImageProblem(`cannot make ${folder}: ${reasonOf(error)}`)
  }
  await lock(join(folder, lockName), name)
  for (const entry of await entriesOf(folder)) {
    const isWanted = files.some((file) => entry === file || entry.startsWith(`.${file}.part`))
    if (!isWanted) await rm(join(folder, entry), { recursive: true, force: true })
  }
  const release = () => rm(join(folder, lockName), { force: true })
  return {
    folder,
    release,
    async publish() {
      // Whatever the umask is: images are for the user that serves, who mostly is not the one that fetches.
      await chmod(folder, 0o755)
      await release()
      await syncFolder(folder)
      await rename(folder, join(store, name))
      await syncFolder(store)
    },
    discard: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Makes names in a folder survive a power cut. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  await folder.sync().finally(() => folder.close())
}

async function lock(path: string, name: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(String(process.pid)).finally(() => file.close())
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new ImageProblem(`cannot write ${path}: ${reasonOf(error)}`)
      }
      const owner = Number(await readFile(path, 'utf8').catch(() => ''))
      if (isRunning(owner) || tries > 0) {
        throw new ImageProblem(
          `another slipway is putting ${name} together (process ${owner}); if not, remove ${path}`,
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
    // Another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** What is in the folder, without the lock. */
export async function entriesOf(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((entry) => entry !== lockName)
}

/** Whether the disk has room for what is about to be written, asked before hours of writing. */

/** Free for users that are not root, in a folder that exists. */
export async function freeOctets(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** @throws {ImageProblem} when there is not room for `octets` more */
export async function requireFreeSpace(folder: string, octets: number, free = freeOctets): Promise<void> {
  const there = await free(folder)
  if (octets <= there) return
  const [needed, has] = [octets, there].map((each) => `${Math.ceil(each / 1024 ** 2)} MiB`)
  throw new ImageProblem(`${folder} has ${has} free, ${needed} are needed`)
}
