/**
 * Builds the disk image that the simulated installer writes: an MBR disk of 32 MiB from which BIOS and UEFI, also with
 * Secure Boot, start the same kernel with GRUB. The rest is random, so that a wrong transfer cannot have the right content by chance.
 */
import { randomFillSync } from 'node:crypto'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from './process.ts'

const mebibyte = 1024 * 1024
export const diskOctets = 32 * mebibyte
/** The FAT partition: the EFI system partition, from which GRUB reads its files with both firmwares. */
const partition = { at: mebibyte, octets: 25 * mebibyte }
const sectorOctets = 512

/** The configuration that is embedded in both images of GRUB. It only has to find the kernel. */
const grubConfiguration = `\
search --no-floppy --file /vmlinuz --set=root
linux ($root)/vmlinuz console=ttyS0 e2e.installed
initrd ($root)/initramfs.img
boot
`
const grubModules = ['part_msdos', 'fat', 'linux', 'search', 'search_fs_file', 'normal']

/**
 * @param dir directory for intermediate files; created and removed here
 * @param signedDir directory with the signed shim and GRUB of Debian, so that the disk also boots with Secure Boot
 * @returns the content of the disk
 */
export async function buildInstalledDisk(
  dir: string,
  kernel: string,
  initramfs: string,
  signedDir: string,
): Promise<Buffer> {
  await mkdir(dir)
  const file = (name: string): string => join(dir, name)
  await writeFile(file('grub.cfg'), grubConfiguration)
  const options = ['-O', 'i386-pc', '-p', '/grub', '-c', file('grub.cfg'), '-o', file('core.img')]
  await output(['grub-mkimage', ...options, ...grubModules, 'biosdisk'])
  await cp(kernel, file('vmlinuz'))
  await cp(initramfs, file('initramfs.img'))

  const disk = randomFillSync(Buffer.alloc(diskOctets))
  disk.fill(0, 0, partition.at)
  bootSector(await readFile('/usr/lib/grub/i386-pc/boot.img')).copy(disk)
  // boot.img of GRUB loads the core image from the next sector.
  ;(await readFile(file('core.img'))).copy(disk, sectorOctets)
  await writeFile(file('disk.img'), disk)

  const image = `${file('disk.img')}@@${partition.at}`
  const sectors = String(partition.octets / sectorOctets)
  await output(['mformat', '-i', image, '-T', sectors, '-h', '16', '-s', '63', '::'])
  await output(['mmd', '-i', image, '::EFI', '::EFI/BOOT', '::EFI/debian'])
  for (const [from, to] of [
    [join(signedDir, 'shimx64.efi.signed'), 'BOOT/BOOTX64.EFI'],
    [join(signedDir, 'grubx64.efi.signed'), 'BOOT/grubx64.efi'],
    // The signed GRUB reads its configuration from there.
    [file('grub.cfg'), 'debian/grub.cfg'],
  ] as const) {
    await output(['mcopy', '-i', image, from, `::EFI/${to}`])
  }
  await output(['mcopy', '-i', image, file('vmlinuz'), file('initramfs.img'), '::'])
  const content = await readFile(file('disk.img'))
  await rm(dir, { recursive: true })
  return content
}

/** Returns the boot code with a partition table: one entry, active for BIOS, with the type of an EFI system partition. */
function bootSector(code: Buffer): Buffer {
  const sector = Buffer.alloc(sectorOctets)
  code.copy(sector, 0, 0, 440)
  sector.writeUInt8(0x80, 446)
  sector.writeUInt8(0xef, 450)
  sector.writeUInt32LE(partition.at / sectorOctets, 454)
  sector.writeUInt32LE(partition.octets / sectorOctets, 458)
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}
