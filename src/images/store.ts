/**
 * The image store: a directory with one directory for each image. An image that slipway added has a manifest. For an image
 * that an administrator added by hand, style and architecture are derived from the names of its files.
 *
 * An image is assembled in a staging directory beside it, whose name starts with a dot, and renamed when it is complete. A
 * later start resumes an interrupted one; a lock file prevents two at the same time.
 */
import { chmod, lstat, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { architectureOf, styleOf, type ImageStyle } from '../plan/image-files.ts'
import { fileProblem } from '../text/file-problem.ts'
import { ImageProblem, reasonOf } from './codes.ts'
import { manifestName, maxManifestOctets, parseManifest, type Manifest } from './manifest.ts'

export type StoredImage = {
  readonly name: string
  readonly dir: string
  readonly architecture: string | undefined
  /** `undefined` if no file name shows it. */
  readonly style: ImageStyle | undefined
  readonly octets: number
  /** Milliseconds since 1970: when it was added, or when its directory changed last. */
  readonly addedMs: number
  /** Absent for an image that was added by hand. */
  readonly manifest: Manifest | undefined
  /** Why its manifest cannot be read, a sentence. */
  readonly problem?: string
}

export type UnfinishedImage = { readonly name: string; readonly octets: number }

export type Store = {
  readonly images: readonly StoredImage[]
  readonly unfinished: readonly UnfinishedImage[]
}

/** Valid names of images: one path segment, which is also valid under `images` in the site file. */
const imageNames = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** @throws {ImageProblem} for a name that leads out of the store, or that is invalid in the site file */
export function requireName(name: string): void {
  if (imageNames.test(name)) return
  throw new ImageProblem(
    'image.name-invalid',

    `${JSON.stringify(name)} is not a valid image name: use up to 100 letters, digits, dots, hyphens, and underscores`,
  )
}

/** Returns all images of the store, sorted by name; a store that does not exist is empty. */
export async function readStore(store: string): Promise<Store> {
  const entries = await readdir(store).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new ImageProblem('image.store-unreadable', fileProblem('read', store, error))
  })
  const names = entries.filter((entry) => imageNames.test(entry)).sort()
  const images = await Promise.all(names.map((name) => readStored(store, name)))
  const started = entries.flatMap((entry) => unfinishedName(entry) ?? []).sort()
  const unfinished = await Promise.all(
    started.map(async (name) => ({ name, octets: await octetsIn(stagingDirectory(store, name)) })),
  )
  return { images: images.filter((image) => image !== undefined), unfinished }
}

/** @returns `undefined` if the store does not have this image */
export async function readStored(store: string, name: string): Promise<StoredImage | undefined> {
  requireName(name)
  const dir = join(store, name)
  const found = await stat(dir).catch(() => undefined)
  if (found?.isDirectory() !== true) return undefined
  const entries = await readdir(dir)
  const files = entries.filter((entry) => !entry.startsWith('.'))
  const common = { name, dir, octets: await octetsOf(dir, files) }
  const byHand = {
    ...common,
    architecture: architectureOf(entries),
    style: styleOf(entries),
    addedMs: found.mtimeMs,
    manifest: undefined,
  }
  if (!entries.includes(manifestName)) return byHand
  try {
    const manifest = await readManifest(dir)
    const { architecture, style, added } = manifest
    return { ...common, architecture, style, addedMs: Date.parse(added), manifest }
  } catch (error) {
    return { ...byHand, problem: reasonOf(error) }
  }
}

/** @throws {ImageProblem} when the store does not have this image */
export async function requireStored(store: string, name: string): Promise<StoredImage> {
  const image = await readStored(store, name)
  if (image !== undefined) return image
  const { images } = await readStore(store)
  const others =
    images.length === 0 ? 'which is empty' : `which has ${images.map((each) => each.name).join(', ')}`
  throw new ImageProblem(
    'image.not-stored',
    `${name} is not in ${store}, ${others}: add it with "slipway images add"`,
  )
}

/**
 * Deletes an image and its partial downloads.
 *
 * @returns whether there was anything to delete
 * @throws {ImageProblem} while the image is being added
 */
export async function removeImage(store: string, name: string): Promise<boolean> {
  requireName(name)
  const [image, partial] = [join(store, name), stagingDirectory(store, name)]
  const exists = await Promise.all([image, partial].map((path) => lstat(path).then(Boolean, () => false)))
  if (!exists.includes(true)) return false
  const staging = await openStaging(store, name, [])
  // Renamed first, so that the image never appears with a part of its files. A symbolic link is deleted, not its target.
  if (exists[0] === true) await rename(image, join(staging.directory, 'removed'))
  await staging.discard()
  return true
}

async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, manifestName)
  const { size } = await stat(path)
  if (size > maxManifestOctets)
    throw new ImageProblem(
      'image.manifest-damaged',

      `${path} is damaged: ${size} bytes are more than the maximum of ${maxManifestOctets}`,
    )
  return parseManifest(await readFile(path, 'utf8'), path)
}

async function octetsIn(dir: string): Promise<number> {
  return octetsOf(dir, await entriesOf(dir).catch(() => []))
}

async function octetsOf(dir: string, entries: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    entries.map((entry) =>
      stat(join(dir, entry)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, octets) => sum + octets, 0)
}

export type Staging = {
  readonly directory: string
  /** Renames the directory to the name of the image, which publishes it. */
  publish(): Promise<void>
  /** Removes the lock and keeps the files. */
  release(): Promise<void>
  /** Deletes the directory. */
  discard(): Promise<void>
}

const lockName = '.lock'

export function stagingDirectory(store: string, name: string): string {
  return join(store, `.${name}.unfinished`)
}

/** Returns the name of the image that a staging directory belongs to; undefined for other names. */
export function unfinishedName(entry: string): string | undefined {
  return /^\.(.+)\.unfinished$/.exec(entry)?.[1]
}

/**
 * @param files names of the files of the image; other files of an earlier start are deleted
 * @throws {ImageProblem} when another process has the lock, or the directory cannot be created
 */
export async function openStaging(store: string, name: string, files: readonly string[]): Promise<Staging> {
  const directory = stagingDirectory(store, name)
  try {
    await mkdir(directory, { recursive: true })
  } catch (error) {
    throw new ImageProblem('image.write-failed', fileProblem('write', directory, error))
  }
  await lock(join(directory, lockName), name)
  for (const entry of await entriesOf(directory)) {
    const isWanted = files.some((file) => entry === file || entry.startsWith(`.${file}.part`))
    if (!isWanted) await rm(join(directory, entry), { recursive: true, force: true })
  }
  const release = () => rm(join(directory, lockName), { force: true })
  return {
    directory,
    release,
    async publish() {
      // Regardless of the umask: the user of the service reads the images, usually not the user that downloads them.
      await chmod(directory, 0o755)
      await release()
      await syncDirectory(directory)
      await rename(directory, join(store, name))
      await syncDirectory(store)
    },
    discard: () => rm(directory, { recursive: true, force: true }),
  }
}

/** Writes the names in a directory to the disk, so that they survive a power failure. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}

async function lock(path: string, name: string): Promise<void> {
  for (let attempts = 0; ; attempts++) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(String(process.pid)).finally(() => file.close())
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new ImageProblem('image.write-failed', fileProblem('write', path, error))
      }
      const owner = Number(await readFile(path, 'utf8').catch(() => ''))
      if (isRunning(owner) || attempts > 0) {
        throw new ImageProblem(
          'image.in-progress',

          `another slipway is writing ${name} (process ${owner}); if that process is not slipway, remove ${path}`,
        )
      }
      await rm(path, { force: true })
    }
  }
}

function isRunning(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // The process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Returns the names in the directory, without the lock. */
export async function entriesOf(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((entry) => entry !== lockName)
}

/** Returns the free bytes for users other than root; the directory must exist. */
export async function freeOctets(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory)
  return bavail * bsize
}

/** Called before a long download. @throws {ImageProblem} when the disk has less than `octets` bytes of free space */
export async function requireFreeSpace(directory: string, octets: number, free = freeOctets): Promise<void> {
  const available = await free(directory)
  if (octets <= available) return
  const [needed, has] = [octets, available].map((each) => `${Math.ceil(each / 1024 ** 2)} MiB`)
  throw new ImageProblem(
    'image.disk-full',
    `${directory} has ${has} of free space, but ${needed} is required`,
  )
}
