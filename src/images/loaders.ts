/**
 * Copies the signed boot loaders of a live ISO into the directory of an image: shim, GRUB, and the key manager of shim,
 * from the EFI image in the ISO (`images/efiboot.img`). All three are of the vendor of the kernel in the same ISO.
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

/** The copied loaders, by name. */
export type CopiedLoaders = {
  readonly names: readonly string[]
  readonly vendor: string
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
    const { fat, vendor, loaders } = await findLoaders(readIso, isoPath)
    const signatures = new Map<string, LoaderSignature>()
    for (const loader of loaders) {
      const content = await fat.read(loader)
      await writeAtomically(join(dir, loader.name), content)
      const signature = readLoaderSignature(content)
      if (signature !== undefined) signatures.set(loader.name, signature)
    }
    return { vendor, names: loaders.map(({ name }) => name), signatures }
  } finally {
    await file.close()
  }
}

async function findLoaders(
  readIso: ReadAt,
  isoPath: string,
): Promise<{ readonly fat: FatFiles; readonly vendor: string; readonly loaders: readonly FatEntry[] }> {
  const missing = (what: string) => new ImageProblem('image.loaders-missing', `${isoPath} has no ${what}`)
  for (const path of efiImages) {
    const extent = await findInIso(readIso, path)
    if (extent === undefined) continue
    const fat = await openFat((offset, octets) => {
      const isInside = offset + octets <= extent.octets
      if (isInside) return readIso(extent.offset + offset, octets)
      throw new ImageProblem('image.iso-invalid', `the EFI image in ${isoPath} ends early`)
    })
    for (const { name: vendor, isDirectory } of (await fat.list(['efi'])) ?? []) {
      if (!isDirectory || vendor.startsWith('.')) continue
      const entries = (await fat.list(['efi', vendor])) ?? []
      const loaders = entries.filter(
        ({ name, isDirectory }) => !isDirectory && Object.hasOwn(signedLoaders, name),
      )
      const has = (start: string) => loaders.some(({ name }) => name.startsWith(start))
      if (has('shim') && has('grub')) return { fat, vendor, loaders }
    }
    throw missing('directory with shim and GRUB in its EFI image')
  }
  throw missing('EFI image (images/efiboot.img)')
}
