/**
 * What is written beside an image's files: where they came from and what they hash to, so that they can be verified,
 * listed and carried to a site without internet. Read from archives of others too, so nothing in it is believed unseen.
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
  /** Absent for what lay beside in a folder that a person filled. */
  part: z.enum(parts).optional(),
  octets: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})

const manifest = z.strictObject({
  format: z.literal(1),
  /** Unknown of an image that was put there by hand, as are `stream` and `source`. */
  release: word.optional(),
  stream: word.optional(),
  architecture: z.enum(architectures),
  style: z.enum(['live', 'installer', 'agent']),
  /** Where the stream document was. */
  source: z.string().max(2000).optional(),
  /** When it was added, as in ISO 8601. */
  added: z.iso.datetime(),
  files: z.array(manifestFile).min(1).max(100),
})

export type ManifestFile = z.output<typeof manifestFile>
export type Manifest = z.output<typeof manifest>

/** A manifest is some kilobytes; what is larger is none. */
export const mostManifestOctets = 256 * 1024

export function formatManifest(value: Manifest): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** @param where begins the sentence: whose manifest it is. @throws {ImageProblem} */
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
