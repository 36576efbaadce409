/** The SHA-256 of files on the disk. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from './manifest.ts'
import type { Watch } from './progress.ts'
import { reasonOf } from './problem.ts'
import type { StoredImage } from './store.ts'

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

// Compares the files of an image with its manifest; reads every byte.

export type Integrity =
  | { readonly kind: 'whole'; readonly files: number }
  /** A sentence for each file that differs. */
  | { readonly kind: 'damaged'; readonly problems: readonly string[] }
  /** Added by hand: there is no manifest to compare with. */
  | { readonly kind: 'unknown' }

export async function verifyImage(
  { name, dir, manifest, problem }: StoredImage,
  watch: Watch,
): Promise<Integrity> {
  if (problem !== undefined) return { kind: 'damaged', problems: [problem] }
  if (manifest === undefined) return { kind: 'unknown' }
  const problems: string[] = []
  for (const file of manifest.files) {
    const found = await fileProblem(join(dir, file.name), file, (octets) =>
      watch({ kind: 'reached', file: `${name}/${file.name}`, octets }),
    )
    if (found !== undefined) problems.push(found)
  }
  return problems.length === 0
    ? { kind: 'whole', files: manifest.files.length }
    : { kind: 'damaged', problems }
}

async function fileProblem(
  path: string,
  { octets, sha256 }: Manifest['files'][number],
  reached: (octets: number) => void,
): Promise<string | undefined> {
  try {
    // A file of another size need not be read.
    const { size } = await stat(path)
    if (size !== octets) return `${path} has ${size} bytes, expected ${octets}`
    const digest = await digestOf(path, reached)
    return digest.sha256 === sha256
      ? undefined
      : `${path} has the sha256 ${digest.sha256}, expected ${sha256}`
  } catch (error) {
    return `${path} cannot be read: ${reasonOf(error)}`
  }
}
