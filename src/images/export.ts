/**
 * Writes images to one tar archive for a site without internet access. The manifest of an image comes before its files,
 * so that the import can verify each file when it reads it. The archive is not compressed, because images are.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { temporaryFor } from '../host/files.ts'
import { holdsSecrets } from '../plan/image-files.ts'
import { architectures } from '../site/schema.ts'
import { digestOf, formatManifest, manifestName, type Manifest } from './manifest.ts'
import { fileProblem } from '../text/file-problem.ts'
import { type Watch, ImageProblem } from './codes.ts'
import { requireFreeSpace, type StoredImage } from './store.ts'
import { plainName } from './stream.ts'
import { blockOctets, encodeHeader, paddingAfter } from './tar.ts'

const readOctets = 1024 * 1024

type Described = { readonly image: StoredImage; readonly manifest: Manifest }

/**
 * @returns the size of the archive in bytes, and whether it contains secrets
 * @throws {ImageProblem} when it fails; `path` is then unchanged
 */
export async function exportImages(
  images: readonly StoredImage[],
  path: string,
  watch: Watch,
): Promise<{ readonly octets: number; readonly hasSecrets: boolean }> {
  const described: Described[] = []
  for (const image of images) described.push({ image, manifest: image.manifest ?? (await describe(image)) })
  const files = described.flatMap(({ manifest }) => manifest.files)
  const total = files.reduce((sum, file) => sum + file.octets, 0)
  const hasSecrets = files.some(({ name }) => holdsSecrets(name))
  const temporary = await temporaryFor(path)
  try {
    await requireFreeSpace(dirname(path), total)
    watch({ kind: 'total', octets: total })
    const archive = await open(temporary, 'w', hasSecrets ? 0o600 : 0o644)
    try {
      for (const each of described) await writeImage(archive, each, watch)
      await archive.appendFile(new Uint8Array(2 * blockOctets))
      await archive.sync()
    } finally {
      await archive.close()
    }
    await rename(temporary, path)
    return { octets: (await stat(path)).size, hasSecrets }
  } catch (error) {
    await rm(temporary, { force: true })
    if (error instanceof ImageProblem) throw error
    throw new ImageProblem('image.write-failed', fileProblem('write', path, error))
  }
}

/** Returns a manifest of the current files of an image that an administrator added by hand. */
async function describe({
  name,
  dir,
  architecture,
  style,
  addedMs,
  problem,
}: StoredImage): Promise<Manifest> {
  if (problem !== undefined) throw new ImageProblem('image.manifest-damaged', problem)
  const known = architectures.find((each) => each === (architecture ?? 'x86_64'))
  if (style === undefined || known === undefined) {
    throw new ImageProblem('image.files-unknown', `${dir} does not contain the files of a boot image`)
  }
  const files: Manifest['files'] = []
  for (const entry of (await readdir(dir)).sort()) {
    const path = join(dir, entry)
    if (!plainName.test(entry) || !(await stat(path)).isFile()) continue
    files.push({ name: entry, ...(await digestOf(path)) })
  }
  const added = new Date(addedMs).toISOString()
  return { format: 1, release: name, architecture: known, style, added, files }
}

async function writeImage(archive: FileHandle, { image, manifest }: Described, watch: Watch): Promise<void> {
  const { name, dir } = image
  const modifiedSeconds = Math.floor(Date.parse(manifest.added) / 1000)
  const text = new TextEncoder().encode(formatManifest(manifest))
  const header = (file: string, octets: number) =>
    encodeHeader({ path: `${name}/${file}`, octets, modifiedSeconds })
  await archive.appendFile(header(manifestName, text.length))
  await archive.appendFile(text)
  await archive.appendFile(new Uint8Array(paddingAfter(text.length)))
  for (const file of manifest.files) {
    const path = join(dir, file.name)
    const hash = createHash('sha256')
    let octets = 0
    await archive.appendFile(header(file.name, file.octets))
    for await (const chunk of createReadStream(path, {
      highWaterMark: readOctets,
    }) as AsyncIterable<Buffer>) {
      octets += chunk.length
      // More bytes than the header announces would shift everything after them.
      if (octets > file.octets) break
      hash.update(chunk)
      await archive.appendFile(chunk)
      watch({ kind: 'reached', file: `${name}/${file.name}`, octets })
    }
    if (octets !== file.octets || hash.digest('hex') !== file.sha256) {
      throw new ImageProblem(
        'image.damaged',
        `${path} differs from its manifest: run "slipway images verify ${name}"`,
      )
    }
    await archive.appendFile(new Uint8Array(paddingAfter(octets)))
    watch({ kind: 'done', file: `${name}/${file.name}`, octets })
  }
}
