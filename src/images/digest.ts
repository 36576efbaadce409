/** The sha256 of what lies on the disk, read in pieces. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** Large enough that hashing, not reading, takes the time. */
const readOctets = 1024 * 1024

/**
 * Adds a file's octets to `hash`, of `most` as many. @returns how many there were
 *
 * @throws {NodeJS.ErrnoException}
 */
export async function hashInto(
  hash: Hash,
  path: string,
  reached: (octets: number) => void = () => undefined,
  most = Infinity,
): Promise<number> {
  let octets = 0
  if (most === 0) return octets
  for await (const chunk of createReadStream(path, { highWaterMark: readOctets, end: most - 1 })) {
    hash.update(chunk as Buffer)
    octets += (chunk as Buffer).length
    reached(octets)
  }
  return octets
}

export type Digest = { readonly octets: number; readonly sha256: string }

/** @throws {NodeJS.ErrnoException} */
export async function digestOf(path: string, reached?: (octets: number) => void): Promise<Digest> {
  const hash = createHash('sha256')
  const octets = await hashInto(hash, path, reached)
  return { octets, sha256: hash.digest('hex') }
}
