/**
 * Builds a live ISO with the layout of CoreOS (osbuild, `osbuild/util/makeefi.py`): a FAT file system in `images/efiboot.img`
 * whose `EFI/BOOT` has shim, GRUB, and the key manager, with the signed loaders of Debian in place of those of Red Hat. The
 * directory of the vendor has only a configuration, there and in the ISO itself.
 */
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from './process.ts'

/** Names of Debian, by the names in `EFI/BOOT`. */
const loaders = {
  'BOOTX64.EFI': 'shimx64.efi.signed',
  'grubx64.efi': 'grubnetx64.efi.signed',
  'mmx64.efi': 'mmx64.efi.signed',
}

/** @param signedDir directory with the loaders of Debian. @returns the path of the ISO */
export async function buildLiveIso(dir: string, signedDir: string): Promise<string> {
  const root = join(dir, 'live-iso')
  await rm(root, { recursive: true, force: true })
  await mkdir(join(root, 'images'), { recursive: true })
  const [fat, iso] = [join(root, 'images/efiboot.img'), join(dir, 'live.iso')]
  await writeFile(fat, '')
  await truncate(fat, 10 * 1024 * 1024)
  await output(['mformat', '-i', fat, '-v', 'EFI-SYSTEM', '::'])
  const vendor = join(root, 'EFI/redhat')
  await mkdir(vendor, { recursive: true })
  await writeFile(join(vendor, 'grub.cfg'), 'search --label "rhcos-417" --set root\n')
  await output(['mmd', '-i', fat, '::EFI', '::EFI/redhat', '::EFI/BOOT'])
  await output(['mcopy', '-i', fat, join(vendor, 'grub.cfg'), '::EFI/redhat/grub.cfg'])
  for (const [name, file] of Object.entries(loaders))
    await output(['mcopy', '-i', fat, join(signedDir, file), `::EFI/BOOT/${name}`])
  const boot = ['-eltorito-alt-boot', '-e', 'images/efiboot.img', '-no-emul-boot']
  const names = ['-V', 'rhcos-417', '-rational-rock', '-J', '-joliet-long']
  await output(['xorriso', '-as', 'mkisofs', '-quiet', ...names, ...boot, '-o', iso, root])
  return iso
}
