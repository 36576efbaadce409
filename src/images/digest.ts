/** The SHA-256 of files on the disk. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** Large enough that hashing takes longer than reading. */
const readOctets = 1024 * 1024

/**
 * Adds the bytes of a file to `hash`, at max `max` of them.
 *
 * @returns the number of bytes
 * @throws {NodeJS.ErrnoException}
 */
export async function hashInto(
  hash: Hash,
  path: string,
  reached: (octets: number) => void = () => undefined,
  max = Infinity,
): Promise<number> {
  let octets = 0
  if (max === 0) return octets
  for await (const chunk of createReadStream(path, { highWaterMark: readOctets, end: max - 1 })) {
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
