/**
 * Images from the web into the store: sizes first, so that a disk that is too small says so at once, then all files, a
 * few at a time. An image appears when its last file is verified.
 */
import { chmod, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../host/files.ts'
import { begunOctets, download, type DownloadTools } from './download.ts'
import { formatManifest, manifestName, type Manifest, type ManifestFile } from './manifest.ts'
import { ImageProblem } from './problem.ts'
import { requireFreeSpace, openStaging, syncFolder, type Staging } from './staging.ts'
import { readStored } from './store.ts'
import type { RemoteFile, RemoteImage } from './stream.ts'

/** Mirrors serve a few connections fast, and many slowly. */
const atOnce = 3

export type Addition = {
  /** Its folder in the store. */
  readonly name: string
  readonly image: RemoteImage
}

export type FetchTools = DownloadTools & {
  /** Where the document was, for the manifest. */
  readonly source: string
}

/** What became of an addition: `there` when the store had all of it. */
export type Added = Addition & { readonly outcome: 'added' | 'completed' | 'there' }

type Job = Addition & {
  readonly staging: Staging
  readonly old: Manifest | undefined
  readonly missing: readonly RemoteFile[]
}

/** @throws {ImageProblem} with the images that were complete before it in place, and begun files kept */
export async function addImages(
  store: string,
  additions: readonly Addition[],
  tools: FetchTools,
): Promise<readonly Added[]> {
  const plans = await Promise.all(additions.map((addition) => planned(store, addition)))
  const due = plans.filter(({ missing }) => missing.length > 0)
  const jobs: Job[] = []
  try {
    for (const plan of due) {
      const names = plan.missing.map(({ name }) => name)
      jobs.push({ ...plan, staging: await openStaging(store, plan.name, names) })
    }
    const files = jobs.flatMap((job) => job.missing.map((file) => ({ file, job })))
    await checkRoom(store, files, tools)
    const open = new Map(jobs.map((job) => [job, job.missing.length]))
    await eachAtOnce(files, async ({ file, job }) => {
      await download(file, job.staging.folder, tools)
      const left = (open.get(job) as number) - 1
      open.set(job, left)
      if (left === 0) await finish(store, job, tools)
    })
  } finally {
    await Promise.all(jobs.map(({ staging }) => staging.release()))
  }
  return plans.map(({ name, image, old, missing }) => {
    const outcome = old === undefined ? 'added' : missing.length > 0 ? 'completed' : 'there'
    return { name, image, outcome }
  })
}

/** What an addition lacks: all of it, or what was not wished the last time. */
async function planned(
  store: string,
  { name, image }: Addition,
): Promise<Addition & Pick<Job, 'old' | 'missing'>> {
  const stored = await readStored(store, name)
  if (stored === undefined) return { name, image, old: undefined, missing: image.files }
  const old = stored.manifest
  const other = `${join(store, name)} is there already`
  if (old === undefined) throw new ImageProblem(`${other}, put there by hand: choose another --name`)
  if (old.release !== image.release || old.architecture !== image.architecture) {
    const what = `${old.release ?? 'a release without a name'} for ${old.architecture}`
    throw new ImageProblem(`${other} and holds ${what}: choose another --name, or remove it`)
  }
  const sums = new Map(old.files.map((file) => [file.name, file.sha256]))
  const changed = image.files.find((file) => (sums.get(file.name) ?? file.sha256) !== file.sha256)
  if (changed !== undefined) {
    throw new ImageProblem(`${other} with another ${changed.name}: choose another --name, or remove it`)
  }
  return { name, image, old, missing: image.files.filter((file) => !sums.has(file.name)) }
}

/** Asks for all sizes, and says when the disk has no room for what is missing of them. */
async function checkRoom(
  store: string,
  files: readonly { readonly file: RemoteFile; readonly job: Job }[],
  tools: FetchTools,
): Promise<void> {
  const sizes: (number | undefined)[] = []
  let missing = 0
  await eachAtOnce(files, async ({ file, job }) => {
    const octets = await sizeOf(file, tools)
    sizes.push(octets)
    missing += Math.max(0, (octets ?? 0) - (await begunOctets(join(job.staging.folder, file.name))))
  })
  const total = sizes.every((octets) => octets !== undefined)
    ? sizes.reduce((sum, each) => sum + each, 0)
    : undefined
  tools.watch({ kind: 'total', octets: total })
  await requireFreeSpace(store, missing)
}

/** As the document or the server says; not every server says it, and what is wrong with one is said when it is fetched. */
async function sizeOf({ url, octets }: RemoteFile, { web }: FetchTools): Promise<number | undefined> {
  if (octets !== undefined) return octets
  try {
    const answer = await web.open(url, { method: 'HEAD' })
    answer.resume()
    const length = Number(answer.headers['content-length'])
    return answer.statusCode === 200 && Number.isSafeInteger(length) ? length : undefined
  } catch {
    return undefined
  }
}

async function finish(
  store: string,
  { name, image, staging, old, missing }: Job,
  tools: FetchTools,
): Promise<void> {
  const fetched = await Promise.all(missing.map((file) => manifestFile(staging.folder, file)))
  const { stream, release, architecture, style } = image
  const manifest: Manifest = old ?? {
    format: 1,
    release,
    stream,
    architecture,
    style,
    source: tools.source,
    added: new Date(tools.clock.now()).toISOString(),
    files: [],
  }
  const text = formatManifest({ ...manifest, files: [...manifest.files, ...fetched] })
  if (old === undefined) {
    await writeAtomically(join(staging.folder, manifestName), text)
    await staging.publish()
    return
  }
  const folder = join(store, name)
  for (const file of fetched) await rename(join(staging.folder, file.name), join(folder, file.name))
  await syncFolder(folder)
  await writeAtomically(join(folder, manifestName), text)
  await staging.discard()
}

async function manifestFile(folder: string, { part, name, sha256 }: RemoteFile): Promise<ManifestFile> {
  const path = join(folder, name)
  await chmod(path, 0o644)
  return { name, part, octets: (await stat(path)).size, sha256 }
}

/** All of them, a few at a time; after a failure none is begun, and those under way are waited for. */
async function eachAtOnce<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  let failure: { readonly error: unknown } | undefined
  const work = async () => {
    for (const item of queue) {
      if (failure !== undefined) return
      await run(item).catch((error: unknown) => void (failure ??= { error }))
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  if (failure !== undefined) throw failure.error
}
