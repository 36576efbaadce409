/**
 * Imports images from an archive into the store. The archive is not trusted: only files that a manifest in it names are
 * written, each to the staging directory of its image, and each is compared with the SHA-256 of the manifest. The images
 * appear in the store when the whole archive was read without an error.
 */
import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../host/files.ts'
import { holdsSecrets } from '../plan/image-files.ts'
import {
  formatManifest,
  manifestName,
  maxManifestOctets,
  parseManifest,
  type Manifest,
  type ManifestFile,
} from './manifest.ts'
import { type Watch, ImageProblem, reasonOf } from './codes.ts'
import { requireFreeSpace, openStaging, type Staging, readStored, requireName } from './store.ts'
import { blockOctets, decodeHeader, decodePax, paddingAfter, type PaxRecords } from './tar.ts'

export type Imported = {
  readonly name: string
  readonly manifest: Manifest
  readonly outcome: 'imported' | 'there'
}

type Job = {
  readonly name: string
  readonly manifest: Manifest
  /** `undefined` if the store already has this image: its files in the archive are skipped. */
  readonly staging: Staging | undefined
  /** Files that the archive did not contain up to now, by name. */
  readonly missing: Map<string, ManifestFile>
}

/** Far more than a site uses. */
const maxImages = 100

/** @throws {ImageProblem} when it fails; then nothing of the archive is in the store */
export async function importImages(
  store: string,
  archive: AsyncIterable<Uint8Array>,
  watch: Watch,
): Promise<readonly Imported[]> {
  const jobs = new Map<string, Job>()
  try {
    await mkdir(store, { recursive: true })
    await readArchive(octetReader(archive), async (path, octets, reader) => {
      const { name, file } = splitPath(path)
      const job = jobs.get(name)
      if (file !== manifestName) return takeFile(reader, job, { name, file, octets }, watch)
      if (job !== undefined)
        throw new ImageProblem('image.archive-invalid', `the archive has two manifests of ${name}`)
      if (jobs.size === maxImages)
        throw new ImageProblem(
          'image.archive-invalid',
          `the archive has more than the maximum of ${maxImages} images`,
        )
      const manifest = await takeManifest(reader, octets, name)
      jobs.set(name, await begin(store, name, manifest))
    })
    requireWhole([...jobs.values()])
    for (const { staging, manifest } of jobs.values()) {
      if (staging === undefined) continue
      await writeAtomically(join(staging.directory, manifestName), formatManifest(manifest))
      await staging.publish()
    }
  } catch (error) {
    for (const { staging } of jobs.values()) await staging?.discard()
    if (error instanceof ImageProblem) throw error
    if (error instanceof RangeError)
      throw new ImageProblem('image.archive-invalid', 'the archive is incomplete: it ends too early')
    throw new ImageProblem(
      'image.unpack-failed',
      `cannot unpack the archive: ${reasonOf(error)}; export it again with "slipway images export"`,
    )
  }
  return [...jobs.values()].map(({ name, manifest, staging }) => {
    return { name, manifest, outcome: staging === undefined ? 'there' : 'imported' }
  })
}

/** Calls `entry` for each file; `entry` must read the whole file. */
async function readArchive(
  reader: OctetReader,
  entry: (path: string, octets: number, reader: OctetReader) => Promise<void>,
): Promise<void> {
  let pax: PaxRecords = {}
  for (;;) {
    const block = await reader.take(blockOctets)
    if (block === undefined) throw new RangeError('no end')
    const header = decodeHeader(block)
    if (header.kind === 'end') return
    if (header.kind === 'directory') continue
    if (header.kind === 'pax') {
      pax = decodePax((await reader.take(header.octets)) ?? new Uint8Array(0))
      await reader.pass(paddingAfter(header.octets), () => undefined)
      continue
    }
    const { path, octets } = { ...header, ...pax }
    pax = {}
    await entry(path, octets, reader)
    await reader.pass(paddingAfter(octets), () => undefined)
  }
}

function splitPath(path: string): { readonly name: string; readonly file: string } {
  // As `tar -c .` writes it.
  const [name, file, ...more] = path.replace(/^\.\//, '').split('/')
  if (name === undefined || file === undefined || more.length > 0) {
    throw new ImageProblem(
      'image.archive-invalid',
      `the archive contains ${JSON.stringify(path)}, which is not a file of an image`,
    )
  }
  requireName(name)
  return { name, file }
}

async function takeManifest(reader: OctetReader, octets: number, name: string): Promise<Manifest> {
  const where = `the manifest of ${name} in the archive`
  if (octets > maxManifestOctets)
    throw new ImageProblem(
      'image.manifest-damaged',

      `${where} is damaged: ${octets} bytes are more than the maximum of ${maxManifestOctets}`,
    )
  const text = (await reader.take(octets)) ?? new Uint8Array(0)
  return parseManifest(new TextDecoder().decode(text), where)
}

async function begin(store: string, name: string, manifest: Manifest): Promise<Job> {
  const missing = new Map(manifest.files.map((file) => [file.name, file]))
  const stored = await readStored(store, name)
  if (stored !== undefined) {
    if (!isSame(stored.manifest, manifest)) {
      throw new ImageProblem(
        'image.name-taken',
        `${stored.dir} already exists with other files: remove it first`,
      )
    }
    return { name, manifest, staging: undefined, missing }
  }
  await requireFreeSpace(
    store,
    manifest.files.reduce((sum, { octets }) => sum + octets, 0),
  )
  return { name, manifest, staging: await openStaging(store, name, []), missing }
}

/** Whether the image in the store has every file of the image in the archive. */
function isSame(stored: Manifest | undefined, { files }: Manifest): boolean {
  const sums = new Map(stored?.files.map(({ name, sha256 }) => [name, sha256]))
  return files.every(({ name, sha256 }) => sums.get(name) === sha256)
}

async function takeFile(
  reader: OctetReader,
  job: Job | undefined,
  { name, file, octets }: { readonly name: string; readonly file: string; readonly octets: number },
  watch: Watch,
): Promise<void> {
  const where = `${name}/${file} in the archive`
  const expected = job?.missing.get(file)
  if (job === undefined || expected === undefined) {
    throw new ImageProblem(
      'image.archive-invalid',
      `${where} is not listed in an earlier manifest, or occurs twice`,
    )
  }
  if (octets !== expected.octets) {
    throw new ImageProblem(
      'image.archive-invalid',
      `${where} has ${octets} bytes, but its manifest has ${expected.octets}`,
    )
  }
  job.missing.delete(file)
  if (job.staging === undefined) return reader.pass(octets, () => undefined)
  const hash = createHash('sha256')
  const mode = holdsSecrets(file) ? 0o640 : 0o644
  const target = await open(join(job.staging.directory, file), 'wx', mode)
  try {
    let reached = 0
    await reader.pass(octets, async (piece) => {
      hash.update(piece)
      await target.appendFile(piece)
      reached += piece.length
      watch({ kind: 'reached', file: `${name}/${file}`, octets: reached })
    })
    // The umask restricted the mode of open().
    await target.chmod(mode)
    await target.sync()
  } finally {
    await target.close()
  }
  if (hash.digest('hex') !== expected.sha256)
    throw new ImageProblem(
      'image.archive-invalid',
      `${where} is damaged: its sha256 differs from its manifest`,
    )
  watch({ kind: 'done', file: `${name}/${file}`, octets })
}

function requireWhole(jobs: readonly Job[]): void {
  if (jobs.length === 0)
    throw new ImageProblem('image.archive-invalid', 'the archive does not contain an image')
  for (const { name, missing } of jobs) {
    const [first] = missing.keys()
    if (first !== undefined)
      throw new ImageProblem(
        'image.archive-invalid',
        `the archive lacks ${name}/${first}, which its manifest names`,
      )
  }
}

// Reads a stream in pieces of the size that the reader requests, whatever the size of its chunks.

export type OctetReader = {
  /** Returns exactly `octets` bytes, or `undefined` at the end of the stream. @throws {RangeError} when fewer are left */
  take(octets: number): Promise<Uint8Array | undefined>
  /** Passes `octets` bytes to `sink`, in views that are valid until it resolves. @throws {RangeError} when fewer are left */
  pass(octets: number, sink: (piece: Uint8Array) => Promise<void> | void): Promise<void>
}

export function octetReader(source: AsyncIterable<Uint8Array>): OctetReader {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)

  /** Returns between 1 and `max` bytes; `undefined` at the end. */
  const some = async (max: number): Promise<Uint8Array | undefined> => {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done === true) return undefined
      rest = next.value
    }
    const piece = rest.subarray(0, max)
    rest = rest.subarray(piece.length)
    return piece
  }
  const ended = (missing: number) => new RangeError(`the stream ends ${missing} bytes too early`)

  return {
    async take(octets) {
      const whole = new Uint8Array(octets)
      let at = 0
      while (at < octets) {
        const piece = await some(octets - at)
        if (piece === undefined) {
          if (at === 0) return undefined
          throw ended(octets - at)
        }
        whole.set(piece, at)
        at += piece.length
      }
      return whole
    },
    async pass(octets, sink) {
      let left = octets
      while (left > 0) {
        const piece = await some(left)
        if (piece === undefined) throw ended(left)
        left -= piece.length
        await sink(piece)
      }
    },
  }
}
