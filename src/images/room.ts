/** Whether the disk has room for what is about to be written, asked before hours of writing. */
import { statfs } from 'node:fs/promises'
import { ImageProblem } from './problem.ts'

/** Free for users that are not root, in a folder that exists. */
export async function freeOctets(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** @throws {ImageProblem} when there is not room for `octets` more */
export async function requireRoom(folder: string, octets: number, free = freeOctets): Promise<void> {
  const there = await free(folder)
  if (octets <= there) return
  const [needed, has] = [octets, there].map((each) => `${Math.ceil(each / 1024 ** 2)} MiB`)
  throw new ImageProblem(`${folder} has ${has} free, ${needed} are needed`)
}
