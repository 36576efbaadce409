/**
 * The manifest beside the files of an image: their source and their checksums, so that they can be verified, listed, and
 * exported to a site without internet access. Manifests are also read from archives, so they are validated completely.
 */
import { z } from 'zod'
import { architectures } from '../site/schema.ts'
import { ImageProblem, type Watch, reasonOf } from './codes.ts'
import { maxSignatureOctets, verifySignatures, type PublicKeys, type Signing } from './signature.ts'
import { parts, plainName } from './stream.ts'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A dotfile: it is not served. */
export const manifestName = '.slipway-image.json'

const word = z.string().max(200)

const manifestFile = z.strictObject({
  name: z.string().regex(plainName),
  /** Absent for other files in a directory that an administrator filled. */
  part: z.enum(parts).optional(),
  octets: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Detached OpenPGP signature in base64; absent if the release has none. */
  signature: z
    .base64()
    .max(2 * maxSignatureOctets)
    .optional(),
})

const manifest = z.strictObject({
  format: z.literal(1),
  /** Absent, like `stream` and `source`, for an image that was added by hand. */
  release: word.optional(),
  stream: word.optional(),
  architecture: z.enum(architectures),
  style: z.enum(['live', 'installer', 'agent']),
  /** URL or path of the stream document. */
  source: z.string().max(2000).optional(),
  /** When it was added, in ISO 8601. */
  added: z.iso.datetime(),
  files: z.array(manifestFile).min(1).max(100),
})

export type ManifestFile = z.output<typeof manifestFile>
export type Manifest = z.output<typeof manifest>

/** A manifest has a few kilobytes. */
export const maxManifestOctets = 256 * 1024

export function formatManifest(value: Manifest): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** @param where the subject of error messages: which manifest it is. @throws {ImageProblem} */
export function parseManifest(text: string, where: string): Manifest {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new ImageProblem('image.manifest-damaged', `${where} is damaged: it is not JSON`)
  }
  const result = manifest.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    throw new ImageProblem(
      'image.manifest-damaged',
      `${where} is damaged at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`,
    )
  }
  const names = result.data.files.map(({ name }) => name)
  if (new Set(names).size < names.length)
    throw new ImageProblem('image.manifest-damaged', `${where} is damaged: it names a file twice`)
  return result.data
}

/** Large enough that hashing takes longer than reading. */
const readOctets = 1024 * 1024

/**
 * Adds the bytes of a file to `hash`, at most `max` of them.
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

type Digest = { readonly octets: number; readonly sha256: string }

/** @throws {NodeJS.ErrnoException} */
export async function digestOf(path: string, reached?: (octets: number) => void): Promise<Digest> {
  const hash = createHash('sha256')
  const octets = await hashInto(hash, path, reached)
  return { octets, sha256: hash.digest('hex') }
}

export type Integrity =
  | { readonly kind: 'whole'; readonly files: number; readonly signing: Signing }
  /** A sentence for each file that differs. */
  | { readonly kind: 'damaged'; readonly problems: readonly string[] }
  /** Added by hand: there is no manifest to compare with. */
  | { readonly kind: 'unknown' }

type ImageToVerify = {
  readonly name: string
  readonly dir: string
  readonly manifest: Manifest | undefined
  /** Why its manifest cannot be read. */
  readonly problem?: string
}

/** Compares the files of an image with its manifest, and verifies their signatures; reads every byte. */
export async function verifyImage(
  { name, dir, manifest, problem }: ImageToVerify,
  watch: Watch,
  keys?: PublicKeys,
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
  if (problems.length > 0) return { kind: 'damaged', problems }
  const { files } = manifest
  return { kind: 'whole', files: files.length, signing: await verifySignatures(dir, files, keys) }
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
