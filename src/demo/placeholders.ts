/** Small generated files in place of images, Ignition files, and boot loaders; the same on every start. */
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { LoaderName } from '../plan/facts.ts'
import type { Site } from '../site/schema.ts'

const mebibyte = 1024 * 1024

/** Names that the scan recognizes, and sizes in proportion to real files (about 1:70). */
const imageFiles = [
  { name: 'rhcos-live-kernel-x86_64', bytes: mebibyte / 4 },
  { name: 'rhcos-live-initramfs.x86_64.img', bytes: 2 * mebibyte },
  { name: 'rhcos-live-rootfs.x86_64.img', bytes: 16 * mebibyte },
]

/** The sizes of the Debian package, so that a transfer has as many blocks. */
const loaderBytes: Partial<Record<LoaderName, number>> = {
  'bios/undionly.kpxe': 74_000,
  'efi/snponly.efi': 174_000,
}

/** Writes the files that do not exist; the paths of `site` are absolute. */
export async function writePlaceholders(site: Site): Promise<void> {
  for (const { dir } of Object.values(site.images)) {
    for (const { name, bytes } of imageFiles) await writeOnce(join(dir, name), noise(name, bytes))
  }
  for (const { ignition } of site.clusters) {
    if (ignition === undefined) continue
    for (const kind of ['bootstrap', 'master', 'worker']) {
      await writeOnce(join(ignition, `${kind}.ign`), () => ignitionFile(kind), 0o600)
    }
  }
}

/** Writes the placeholder of a boot loader. */
export async function writeLoader(name: LoaderName, path: string): Promise<void> {
  await writeOnce(path, noise(name, loaderBytes[name] ?? mebibyte))
}

/** Leaves an existing file unchanged: another demo can be serving it. */
async function writeOnce(path: string, make: () => Uint8Array, mode = 0o644): Promise<void> {
  const made = make()
  const there = await stat(path).catch(() => undefined)
  if (there?.size === made.length) return
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, made, { mode })
}

/** Returns bytes that do not compress and resemble no file format, after a line that describes them. */
function noise(name: string, size: number): () => Uint8Array {
  return () => {
    const words = new Uint32Array(Math.ceil(size / 4))
    let state = name.length + 1
    for (let index = 0; index < words.length; index++) {
      // Marsaglia's xorshift32: 13, 17, 5.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[index] = state
    }
    const file = new Uint8Array(words.buffer, 0, size)
    file.set(new TextEncoder().encode(`slipway demo: a placeholder for ${name}\n`))
    return file
  }
}

function ignitionFile(kind: string): Uint8Array {
  const contents = { source: `data:,A%20placeholder%20for%20${kind}.ign%0A` }
  const files = [{ path: '/etc/slipway-demo', mode: 0o644, contents }]
  const text = JSON.stringify({ ignition: { version: '3.4.0' }, storage: { files } }, null, 2)
  return new TextEncoder().encode(`${text}\n`)
}
