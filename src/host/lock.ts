/** One at a time among the processes of this machine: a file beside the one that is changed says that somebody is at it. */
import { open, realpath, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from './clock.ts'

const mostMs = 5000
const everyMs = 50

/**
 * Runs `change` while no other process does so for the same file. A process that is killed meanwhile leaves the lock
 * behind, and a person has to take it away.
 *
 * @throws {Error} when the others take too long, or the lock cannot be made
 */
export async function withLock<T>(path: string, clock: Clock, change: () => Promise<T>): Promise<T> {
  const target = await realpath(path).catch(() => path)
  const lock = join(dirname(target), `.${basename(target)}.lock`)
  const startedMs = clock.monotonic()
  while (!(await take(lock))) {
    if (clock.monotonic() - startedMs >= mostMs) {
      throw new Error(
        `another command has held ${lock} for ${mostMs / 1000} s; if none runs, remove that file`,
      )
    }
    await new Promise<void>((resolve) => clock.after(everyMs, resolve))
  }
  try {
    return await change()
  } finally {
    await rm(lock, { force: true })
  }
}

/** Made by one alone. @returns whether it was this one */
async function take(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx')
    await file.close()
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
