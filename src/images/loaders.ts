/**
 * Copies the signed boot loaders of a live ISO into the directory of an image: shim, GRUB, and the key manager of shim,
 * from the EFI image in the ISO (`images/efiboot.img`). All three are of the vendor of the kernel in the same ISO. They are
 * in the directory of the vendor (`EFI/redhat`), or all in `EFI/BOOT`, where shim has the name that firmware looks for.
 */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from '../host/files.ts'
import { signedLoaders } from '../plan/facts.ts'
import { readLoaderSignature, type LoaderSignature } from '../plan/loader-signature.ts'
import { fileProblem } from '../text/file-problem.ts'
import { ImageProblem } from './codes.ts'
import { openFat, type FatEntry, type FatFiles } from './fat.ts'
import { findInIso, type ReadAt } from './iso9660.ts'

/** Where vendors put the EFI image in their ISO. */
const efiImages = [
  ['images', 'efiboot.img'],
  ['boot', 'grub', 'efi.img'],
] as const

/** The name of shim in `EFI/BOOT`, where firmware looks on removable media. Current live ISOs of CoreOS have no other copy of it. */
const shimOfFallback: Readonly<Record<string, string>> = {
  'bootx64.efi': 'shimx64.efi',
  'bootaa64.efi': 'shimaa64.efi',
}
const fallbackDirectory = 'boot'

/** The copied loaders, by name. */
export type CopiedLoaders = {
  readonly names: readonly string[]
  /** The directory below `EFI`, in lower case. */
  readonly directory: string
  /** By name; without files that are not PE images. */
  readonly signatures: ReadonlyMap<string, LoaderSignature>
}

/**
 * @param dir directory of the image
 * @throws {ImageProblem} if the ISO cannot be read, or has no signed loaders
 */
export async function copyLoaders(isoPath: string, dir: string): Promise<CopiedLoaders> {
  const file = await open(isoPath).catch((error: unknown) => {
    throw new ImageProblem('image.iso-invalid', fileProblem('read', isoPath, error))
  })
  try {
    const readIso: ReadAt = async (offset, octets) => {
      const buffer = new Uint8Array(octets)
      const { bytesRead } = await file.read(buffer, 0, octets, offset)
      if (bytesRead < octets) throw new ImageProblem('image.iso-invalid', `${isoPath} ends early`)
      return buffer
    }
    const { fat, directory, loaders } = await findLoaders(readIso, isoPath)
    const signatures = new Map<string, LoaderSignature>()
    for (const [name, file] of loaders) {
      const content = await fat.read(file)
      await writeAtomically(join(dir, name), content)
      const signature = readLoaderSignature(content)
      if (signature !== undefined) signatures.set(name, signature)
    }
    return { directory, names: [...loaders.keys()], signatures }
  } finally {
    await file.close()
  }
}

type FoundLoaders = {
  readonly fat: FatFiles
  readonly directory: string
  readonly loaders: ReadonlyMap<string, FatEntry>
}

async function findLoaders(readIso: ReadAt, isoPath: string): Promise<FoundLoaders> {
  const missing = (what: string) => new ImageProblem('image.loaders-missing', `${isoPath} has no ${what}`)
  for (const path of efiImages) {
    const extent = await findInIso(readIso, path)
    if (extent === undefined) continue
    const fat = await openFat((offset, octets) => {
      const isInside = offset + octets <= extent.octets
      if (isInside) return readIso(extent.offset + offset, octets)
      throw new ImageProblem('image.iso-invalid', `the EFI image in ${isoPath} ends early`)
    })
    for (const { name: directory, isDirectory } of (await fat.list(['efi'])) ?? []) {
      if (!isDirectory || directory.startsWith('.')) continue
      const loaders = loadersIn((await fat.list(['efi', directory])) ?? [], directory === fallbackDirectory)
      const has = (start: string) => [...loaders.keys()].some((name) => name.startsWith(start))
      if (has('shim') && has('grub')) return { fat, directory, loaders }
    }
    throw missing('directory with shim and GRUB in its EFI image')
  }
  throw missing('EFI image (images/efiboot.img)')
}

/** Returns the loaders of a directory by the names that they have in the directory of an image. */
function loadersIn(entries: readonly FatEntry[], isFallback: boolean): ReadonlyMap<string, FatEntry> {
  const files = entries.filter(({ isDirectory }) => !isDirectory)
  const renamed = files.flatMap((file): [string, FatEntry][] => {
    const name = isFallback ? shimOfFallback[file.name] : undefined
    return name === undefined ? [] : [[name, file]]
  })
  const named = files.filter(({ name }) => Object.hasOwn(signedLoaders, name))
  // A file that has the name of shim replaces the one of the fallback path.
  return new Map([...renamed, ...named.map((file): [string, FatEntry] => [file.name, file])])
}
