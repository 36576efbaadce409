/**
 * Images out of an archive, into the store. The archive is a stranger's: only files that a manifest in it names are
 * written, each to its image's dot folder, each compared with the manifest's sha256; images appear when the whole archive
 * was read and nothing was wrong with it.
 */
import { createHash } from 'node:crypto'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../host/files.ts'
import { holdsSecrets } from '../plan/image-files.ts'
import {
  formatManifest,
  manifestName,
  mostManifestOctets,
  parseManifest,
  type Manifest,
  type ManifestFile,
} from './manifest.ts'
import type { Watch } from './progress.ts'
import { octetReader, type OctetReader } from './octets.ts'
import { ImageProblem, reasonOf } from './problem.ts'
import { requireFreeSpace, openStaging, type Staging } from './staging.ts'
import { readStored, requireName } from './store.ts'
import { blockOctets, decodeHeader, decodePax, paddingAfter, type PaxRecords } from './tar.ts'

export type Imported = {
  readonly name: string
  readonly manifest: Manifest
  readonly outcome: 'imported' | 'there'
}

type Job = {
  readonly name: string
  readonly manifest: Manifest
  /** `undefined` when the store has this image: its files are read over. */
  readonly staging: Staging | undefined
  /** What has not come yet. */
  readonly missing: Map<string, ManifestFile>
}

/** More than anybody carries at once. */
const mostImages = 100

/** @throws {ImageProblem} with nothing of the archive in the store */
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
      if (job !== undefined) throw new ImageProblem(`the archive has two manifests of ${name}`)
      if (jobs.size === mostImages) throw new ImageProblem(`the archive has more than ${mostImages} images`)
      const manifest = await takeManifest(reader, octets, name)
      jobs.set(name, await begin(store, name, manifest))
    })
    requireWhole([...jobs.values()])
    for (const { staging, manifest } of jobs.values()) {
      if (staging === undefined) continue
      await writeAtomically(join(staging.folder, manifestName), formatManifest(manifest))
      await staging.publish()
    }
  } catch (error) {
    for (const { staging } of jobs.values()) await staging?.discard()
    if (error instanceof ImageProblem) throw error
    if (error instanceof RangeError) throw new ImageProblem('the archive ends too early: it is not whole')
    throw new ImageProblem(`cannot unpack the archive: ${reasonOf(error)}`)
  }
  return [...jobs.values()].map(({ name, manifest, staging }) => {
    return { name, manifest, outcome: staging === undefined ? 'there' : 'imported' }
  })
}

/** Calls `entry` for each file, which reads all of it. */
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
    if (header.kind === 'folder') continue
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
    throw new ImageProblem(`the archive holds ${JSON.stringify(path)}, which is not a file of an image`)
  }
  requireName(name)
  return { name, file }
}

async function takeManifest(reader: OctetReader, octets: number, name: string): Promise<Manifest> {
  const where = `the manifest of ${name} in the archive`
  if (octets > mostManifestOctets)
    throw new ImageProblem(`${where} is damaged: ${octets} octets are too many`)
  const text = (await reader.take(octets)) ?? new Uint8Array(0)
  return parseManifest(new TextDecoder().decode(text), where)
}

async function begin(store: string, name: string, manifest: Manifest): Promise<Job> {
  const missing = new Map(manifest.files.map((file) => [file.name, file]))
  const stored = await readStored(store, name)
  if (stored !== undefined) {
    if (!isSame(stored.manifest, manifest)) {
      throw new ImageProblem(`${stored.dir} is there already and is another image: remove it first`)
    }
    return { name, manifest, staging: undefined, missing }
  }
  await requireFreeSpace(
    store,
    manifest.files.reduce((sum, { octets }) => sum + octets, 0),
  )
  return { name, manifest, staging: await openStaging(store, name, []), missing }
}

/** Whether the store's has every file of the archive's. */
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
    throw new ImageProblem(`${where} is in no manifest that came before it, or there twice`)
  }
  if (octets !== expected.octets) {
    throw new ImageProblem(`${where} has ${octets} octets, its manifest says ${expected.octets}`)
  }
  job.missing.delete(file)
  if (job.staging === undefined) return reader.pass(octets, () => undefined)
  const hash = createHash('sha256')
  const mode = holdsSecrets(file) ? 0o640 : 0o644
  const target = await open(join(job.staging.folder, file), 'wx', mode)
  try {
    let reached = 0
    await reader.pass(octets, async (piece) => {
      hash.update(piece)
      await target.appendFile(piece)
      reached += piece.length
      watch({ kind: 'reached', file: `${name}/${file}`, octets: reached })
    })
    // Explicitly, because the umask took its part.
    await target.chmod(mode)
    await target.sync()
  } finally {
    await target.close()
  }
  if (hash.digest('hex') !== expected.sha256)
    throw new ImageProblem(`${where} is damaged: its sha256 is another`)
  watch({ kind: 'done', file: `${name}/${file}`, octets })
}

function requireWhole(jobs: readonly Job[]): void {
  if (jobs.length === 0) throw new ImageProblem('the archive holds no image')
  for (const { name, missing } of jobs) {
    const [first] = missing.keys()
    if (first !== undefined)
      throw new ImageProblem(`the archive lacks ${name}/${first}, which its manifest names`)
  }
}
