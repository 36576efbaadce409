/** Compares the files of an image with its manifest; reads every byte. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf } from './digest.ts'
import type { Manifest } from './manifest.ts'
import type { Watch } from './progress.ts'
import { reasonOf } from './problem.ts'
import type { StoredImage } from './store.ts'

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
