/** Small files in place of images, Ignition files and boot loaders: generated, the same every time. */
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { LoaderName } from '../plan/facts.ts'
import type { Site } from '../site/schema.ts'

const mebibyte = 1024 * 1024

/** Names by which the scan finds them, sizes in proportion to real ones (about 1:70). */
const imageFiles = [
  { name: 'rhcos-live-kernel-x86_64', octets: mebibyte / 4 },
  { name: 'rhcos-live-initramfs.x86_64.img', octets: 2 * mebibyte },
  { name: 'rhcos-live-rootfs.x86_64.img', octets: 16 * mebibyte },
]

/** Sizes of Debian's, so that a transfer takes as many blocks. */
const loaderOctets: Partial<Record<LoaderName, number>> = {
  'bios/undionly.kpxe': 74_000,
  'efi/snponly.efi': 174_000,
}

/** Writes what is not there yet; `site` has its paths already made absolute. */
export async function writeStandIns(site: Site): Promise<void> {
  for (const { dir } of Object.values(site.images)) {
    for (const { name, octets } of imageFiles) await writeOnce(join(dir, name), noise(name, octets))
  }
  for (const { ignition } of site.clusters) {
    if (ignition === undefined) continue
    for (const kind of ['bootstrap', 'master', 'worker']) {
      await writeOnce(join(ignition, `${kind}.ign`), () => ignitionFile(kind))
    }
  }
}

/** @param path where; the loader is the stand-in of `name` */
export async function writeLoader(name: LoaderName, path: string): Promise<void> {
  await writeOnce(path, noise(name, loaderOctets[name] ?? mebibyte))
}

/** A file that is there is left alone: it may be in use by a demo that runs. */
async function writeOnce(path: string, make: () => Uint8Array): Promise<void> {
  const made = make()
  const there = await stat(path).catch(() => undefined)
  if (there?.size === made.length) return
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, made)
}

/** Octets that nothing compresses or takes for another file, begun by a line that says what they are. */
function noise(name: string, octets: number): () => Uint8Array {
  return () => {
    const words = new Uint32Array(Math.ceil(octets / 4))
    let state = name.length + 1
    for (let index = 0; index < words.length; index++) {
      // Marsaglia's xorshift32: 13, 17, 5.
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[index] = state
    }
    const file = new Uint8Array(words.buffer, 0, octets)
    file.set(new TextEncoder().encode(`slipway demo: a stand-in for ${name}\n`))
    return file
  }
}

function ignitionFile(kind: string): Uint8Array {
  const contents = { source: `data:,A%20stand-in%20for%20${kind}.ign%0A` }
  const files = [{ path: '/etc/slipway-demo', mode: 0o644, contents }]
  const text = JSON.stringify({ ignition: { version: '3.4.0' }, storage: { files } }, null, 2)
  return new TextEncoder().encode(`${text}\n`)
}
