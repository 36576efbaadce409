/**
 * The manifest beside the files of an image: their source and their checksums, so that they can be verified, listed, and
 * exported to a site without internet access. Manifests are also read from archives, so they are validated completely.
 */
import { z } from 'zod'
import { architectures } from '../site/schema.ts'
import { ImageProblem } from './problem.ts'
import { parts, plainName } from './stream.ts'

/** A dotfile: it is not served. */
export const manifestName = '.slipway-image.json'

const word = z.string().max(200)

const manifestFile = z.strictObject({
  name: z.string().regex(plainName),
  /** Absent for other files in a directory that an administrator filled. */
  part: z.enum(parts).optional(),
  octets: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
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
    throw new ImageProblem(`${where} is damaged: it is not JSON`)
  }
  const result = manifest.safeParse(value)
  if (!result.success) {
    const [issue] = result.error.issues
    throw new ImageProblem(`${where} is damaged at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`)
  }
  const names = result.data.files.map(({ name }) => name)
  if (new Set(names).size < names.length) throw new ImageProblem(`${where} is damaged: it names a file twice`)
  return result.data
}
