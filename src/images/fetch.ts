/**
 * Downloads images into the store. It requests the sizes first, so that a disk that is too small is reported immediately,
 * then downloads a few files at a time. An image appears in the store when its last file is verified.
 */
import { chmod, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../host/files.ts'
import { storedOctets, download, type DownloadTools } from './download.ts'
import { defined } from '../text/defined.ts'
import { formatManifest, manifestName, type Manifest, type ManifestFile } from './manifest.ts'
import { ImageProblem } from './codes.ts'
import { maxSignatureOctets, verifySignatures, type PublicKeys } from './signature.ts'
import { requireFreeSpace, openStaging, syncDirectory, type Staging, readStored } from './store.ts'
import type { RemoteFile, RemoteImage } from './stream.ts'
import { readBody } from './web.ts'

/** Each download from a mirror gets slower if there are more connections. */
const parallelDownloads = 3

export type Addition = {
  /** Its directory in the store. */
  readonly name: string
  readonly image: RemoteImage
}

export type FetchTools = DownloadTools & {
  /** URL or path of the stream document, for the manifest. */
  readonly source: string
  /** Public keys, with which signatures are verified before an image is published. */
  readonly keys?: PublicKeys | undefined
}

/** The result of an addition: `there` if the store already had all files. */
export type Added = Addition & { readonly outcome: 'added' | 'completed' | 'there' }

type Job = Addition & {
  readonly staging: Staging
  readonly old: Manifest | undefined
  readonly missing: readonly RemoteFile[]
}

/** @throws {ImageProblem} when it fails; images that were completed before stay, and partial files are kept */
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
    await checkFreeSpace(store, files, tools)
    const open = new Map(jobs.map((job) => [job, job.missing.length]))
    await forEachInParallel(files, async ({ file, job }) => {
      await download(file, job.staging.directory, tools)
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

/** Returns the missing files: all of them, or those that were not requested before. */
async function planned(
  store: string,
  { name, image }: Addition,
): Promise<Addition & Pick<Job, 'old' | 'missing'>> {
  const stored = await readStored(store, name)
  if (stored === undefined) return { name, image, old: undefined, missing: image.files }
  const old = stored.manifest
  const other = `${join(store, name)} already exists`
  if (old === undefined)
    throw new ImageProblem('image.name-taken', `${other} and was added by hand: choose another --name`)
  if (old.release !== image.release || old.architecture !== image.architecture) {
    const what = `${old.release ?? 'a release without a name'} for ${old.architecture}`
    throw new ImageProblem(
      'image.name-taken',
      `${other} and contains ${what}: choose another --name, or remove it`,
    )
  }
  const sums = new Map(old.files.map((file) => [file.name, file.sha256]))
  const changed = image.files.find((file) => (sums.get(file.name) ?? file.sha256) !== file.sha256)
  if (changed !== undefined) {
    throw new ImageProblem(
      'image.name-taken',
      `${other} with another ${changed.name}: choose another --name, or remove it`,
    )
  }
  return { name, image, old, missing: image.files.filter((file) => !sums.has(file.name)) }
}

/** Requests the sizes of all files. @throws {ImageProblem} when the disk does not have enough space for the missing bytes */
async function checkFreeSpace(
  store: string,
  files: readonly { readonly file: RemoteFile; readonly job: Job }[],
  tools: FetchTools,
): Promise<void> {
  const sizes: (number | undefined)[] = []
  let missing = 0
  await forEachInParallel(files, async ({ file, job }) => {
    const octets = await sizeOf(file, tools)
    sizes.push(octets)
    missing += Math.max(0, (octets ?? 0) - (await storedOctets(join(job.staging.directory, file.name))))
  })
  const total = sizes.every((octets) => octets !== undefined)
    ? sizes.reduce((sum, each) => sum + each, 0)
    : undefined
  tools.watch({ kind: 'total', octets: total })
  await requireFreeSpace(store, missing)
}

/** The size that the document or the server states; undefined if neither does. The download reports errors of a server. */
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
  const fetched = await Promise.all(missing.map((file) => manifestFile(staging.directory, file, tools)))
  await requireSignatures(staging.directory, fetched, tools.keys)
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
    await writeAtomically(join(staging.directory, manifestName), text)
    await staging.publish()
    return
  }
  const directory = join(store, name)
  for (const file of fetched) await rename(join(staging.directory, file.name), join(directory, file.name))
  await syncDirectory(directory)
  await writeAtomically(join(directory, manifestName), text)
  await staging.discard()
}

async function manifestFile(
  directory: string,
  { part, name, sha256, signature: url }: RemoteFile,
  tools: FetchTools,
): Promise<ManifestFile> {
  const path = join(directory, name)
  await chmod(path, 0o644)
  const signature = url === undefined ? undefined : await readSignature(url, tools)
  return { name, part, octets: (await stat(path)).size, sha256, ...defined({ signature }) }
}

/** Returns the signature in base64; `undefined` if the server does not have it, as many mirrors. */
async function readSignature(url: string, { web, clock }: FetchTools): Promise<string | undefined> {
  const octets = await readBody(web, url, maxSignatureOctets, clock).catch(() => undefined)
  return octets?.toString('base64')
}

/** @throws {ImageProblem} when a signature is wrong, or the administrator gave keys and one cannot be verified */
async function requireSignatures(
  directory: string,
  files: readonly ManifestFile[],
  keys: PublicKeys | undefined,
): Promise<void> {
  if (keys === undefined) return
  const signing = await verifySignatures(directory, files, keys)
  if (signing.kind === 'wrong') {
    throw new ImageProblem('image.signature-wrong', `${signing.problems.join('; ')}: do not boot this image`)
  }
  if (signing.kind === 'not-verified' && keys.isGiven) {
    throw new ImageProblem('image.signature-wrong', `signatures not verified: ${signing.reason}`)
  }
}

/** Runs all items, a few at a time. After a failure it starts no more items and waits for those in progress. */
async function forEachInParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  let failure: { readonly error: unknown } | undefined
  const work = async () => {
    for (const item of queue) {
      if (failure !== undefined) return
      await run(item).catch((error: unknown) => void (failure ??= { error }))
    }
  }
  await Promise.all(Array.from({ length: parallelDownloads }, work))
  if (failure !== undefined) throw failure.error
}
