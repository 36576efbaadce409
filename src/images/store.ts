/**
 * The store: a folder of images, each a folder by its name. With a manifest when slipway added it; without, a person put it
 * there, and what it is follows from the names of its files.
 */
import { lstat, readdir, readFile, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { architectureOf, styleOf, type ImageStyle } from '../plan/image-files.ts'
import { manifestName, mostManifestOctets, parseManifest, type Manifest } from './manifest.ts'
import { ImageProblem, reasonOf } from './problem.ts'
import { entriesOf, openStaging, stagingFolder, unfinishedName } from './staging.ts'

export type StoredImage = {
  readonly name: string
  readonly dir: string
  readonly architecture: string | undefined
  /** `undefined` when none of its names says. */
  readonly style: ImageStyle | undefined
  readonly octets: number
  /** Milliseconds since 1970: when it was added, or its folder changed last. */
  readonly addedMs: number
  /** Absent of what was put there by hand. */
  readonly manifest: Manifest | undefined
  /** Its manifest cannot be read: a sentence. */
  readonly problem?: string
}

export type UnfinishedImage = { readonly name: string; readonly octets: number }

export type Store = {
  readonly images: readonly StoredImage[]
  readonly unfinished: readonly UnfinishedImage[]
}

/** What an image may be called: one step of a path, and a name under `images` in the site file. */
const imageNames = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/** @throws {ImageProblem} for a name that would lead out of the store, or that the site file does not take */
export function requireName(name: string): void {
  if (imageNames.test(name)) return
  throw new ImageProblem(
    `${JSON.stringify(name)} is no name of an image: letters, digits, dots, hyphens and underscores, up to 100`,
  )
}

/** Everything in the store, by name; a store that is not there is empty. */
export async function readStore(store: string): Promise<Store> {
  const entries = await readdir(store).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new ImageProblem(`${store} cannot be read: ${reasonOf(error)}`)
  })
  const names = entries.filter((entry) => imageNames.test(entry)).sort()
  const images = await Promise.all(names.map((name) => readStored(store, name)))
  const begun = entries.flatMap((entry) => unfinishedName(entry) ?? []).sort()
  const unfinished = await Promise.all(
    begun.map(async (name) => ({ name, octets: await octetsIn(stagingFolder(store, name)) })),
  )
  return { images: images.filter((image) => image !== undefined), unfinished }
}

/** @returns `undefined` when there is no such folder */
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

/** @throws {ImageProblem} when there is none by this name */
export async function requireStored(store: string, name: string): Promise<StoredImage> {
  const image = await readStored(store, name)
  if (image !== undefined) return image
  const { images } = await readStore(store)
  const others =
    images.length === 0 ? 'which is empty' : `which has ${images.map((each) => each.name).join(', ')}`
  throw new ImageProblem(`there is no ${name} in ${store}, ${others}`)
}

/** Takes an image away, begun parts of it too. @returns whether there was anything @throws {ImageProblem} while it is being added */
export async function removeImage(store: string, name: string): Promise<boolean> {
  requireName(name)
  const [image, begun] = [join(store, name), stagingFolder(store, name)]
  const isThere = await Promise.all([image, begun].map((path) => lstat(path).then(Boolean, () => false)))
  if (!isThere.includes(true)) return false
  const staging = await openStaging(store, name, [])
  // A rename first: nobody ever sees an image with half of its files. A link is taken away, not what it leads to.
  if (isThere[0] === true) await rename(image, join(staging.folder, 'removed'))
  await staging.discard()
  return true
}

async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, manifestName)
  const { size } = await stat(path)
  if (size > mostManifestOctets) throw new ImageProblem(`${path} is damaged: ${size} octets are too many`)
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
