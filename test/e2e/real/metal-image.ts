/**
 * The disk image that coreos-installer writes: partitions with the names, labels, and order of RHCOS, which BIOS and UEFI
 * boot with GRUB.
 */
import { cp, mkdir, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../process.ts'

const mebibyte = 1024 * 1024
const sectorBytes = 512
const minutes = 60_000

/** In MiB. The root is last, because its size depends on the system. */
const partitions = {
  bios: { at: 1, size: 1 },
  efi: { at: 2, size: 8 },
  boot: { at: 10, size: 64 },
} as const
const rootAt = partitions.boot.at + partitions.boot.size

/** Where the file systems start, in bytes. */
export const bootOffset = partitions.boot.at * mebibyte
export const rootOffset = rootAt * mebibyte

type Sources = {
  /** The directory of the installed system; removed here. */
  readonly root: string
  readonly kernel: string
  readonly initramfs: string
  /** grub.cfg */
  readonly grub: string
  /** The boot loader entry in which coreos-installer sets kernel arguments. */
  readonly entry?: string
}

/** @param work directory for intermediate files */
export async function buildMetalImage(work: string, image: string, sources: Sources): Promise<void> {
  const at = (name: string): string => join(work, name)
  const used = Number(/^\d+/.exec(await output(['du', '-sm', sources.root]))?.[0])
  const rootSize = Math.ceil(used * 1.1) + 64
  await makeExt4(at('root.ext4'), 'root', rootSize, sources.root)
  await rm(sources.root, { recursive: true })

  await mkdir(at('boot/grub2'), { recursive: true })
  await cp(sources.kernel, at('boot/vmlinuz'))
  await cp(sources.initramfs, at('boot/initramfs.img'))
  await cp(sources.grub, at('boot/grub2/grub.cfg'))
  if (sources.entry !== undefined) {
    await mkdir(at('boot/loader/entries'), { recursive: true })
    await writeFile(at('boot/loader/entries/ostree-1.conf'), sources.entry)
  }
  await writeFile(at('boot/ignition.firstboot'), '')
  await makeExt4(at('boot.ext4'), 'boot', partitions.boot.size, at('boot'))

  await writeFile(
    at('early.cfg'),
    'search --no-floppy --label boot --set=root\nset prefix=($root)/grub2\nconfigfile $prefix/grub.cfg\n',
  )
  const modules = ['part_gpt', 'ext2', 'fat', 'search', 'search_label', 'configfile', 'normal', 'linux']
  const more = ['test', 'echo', 'serial', 'boot']
  const grub = ['-p', '/grub2', '-c', at('early.cfg')]
  const [efi, core] = [at('BOOTX64.EFI'), at('core.img')]
  await output(['grub-mkimage', '-O', 'x86_64-efi', ...grub, '-o', efi, ...modules, ...more])
  await output(['grub-mkimage', '-O', 'i386-pc', ...grub, '-o', core, 'biosdisk', ...modules, ...more])
  await writeFile(at('esp.fat'), '')
  await truncate(at('esp.fat'), partitions.efi.size * mebibyte)
  await output(['mkfs.vfat', '-n', 'EFI-SYSTEM', at('esp.fat')])
  await output(['mmd', '-i', at('esp.fat'), '::/EFI', '::/EFI/BOOT'])
  await output(['mcopy', '-i', at('esp.fat'), efi, '::/EFI/BOOT/BOOTX64.EFI'])

  await writeFile(image, '')
  await truncate(image, (rootAt + rootSize + 2) * mebibyte)
  await output([
    ...['sgdisk', '--clear', ...gptEntry(1, partitions.bios, 'ef02', 'BIOS-BOOT')],
    ...gptEntry(2, partitions.efi, 'ef00', 'EFI-SYSTEM'),
    ...gptEntry(3, partitions.boot, '8300', 'boot'),
    ...[...gptEntry(4, { at: rootAt, size: rootSize }, '8304', 'root'), image],
  ])
  for (const [file, to] of [
    ['esp.fat', partitions.efi.at],
    ['boot.ext4', partitions.boot.at],
    ['root.ext4', rootAt],
  ] as const) {
    const transfer = [`if=${at(file)}`, `of=${image}`, 'bs=1M', `seek=${to}`, 'conv=notrunc,sparse']
    await output(['dd', ...transfer, 'status=none'], { limitMs: 5 * minutes })
  }
  await embedForBios(image, await readFile(core))
}

async function makeExt4(file: string, label: string, size: number, from: string): Promise<void> {
  await writeFile(file, '')
  await truncate(file, size * mebibyte)
  // GRUB 2.06 does not read a file system with metadata_csum_seed.
  const options = ['-q', '-F', '-t', 'ext4', '-L', label, '-O', '^metadata_csum_seed', '-m', '0', '-d', from]
  await output(['mke2fs', ...options, file], { limitMs: 5 * minutes })
}

function gptEntry(
  number: number,
  { at, size }: { readonly at: number; readonly size: number },
  type: string,
  name: string,
): string[] {
  return ['-n', `${number}:${at}M:+${size}M`, '-t', `${number}:${type}`, '-c', `${number}:${name}`]
}

/**
 * Does what grub-bios-setup does, without a block device: boot.img in the first sector, core.img in the partition
 * BIOS-BOOT, and the first sector of each written into the code that loads it.
 */
async function embedForBios(image: string, core: Buffer): Promise<void> {
  const boot = await readFile('/usr/lib/grub/i386-pc/boot.img')
  const first = BigInt((partitions.bios.at * mebibyte) / sectorBytes)
  if (core.length > partitions.bios.size * mebibyte) throw new Error('core.img of GRUB is too large')
  // boot.img: the sector of core.img. core.img: the sector of its rest.
  boot.writeBigUInt64LE(first, 0x5c)
  core.writeBigUInt64LE(first + 1n, 0x1f4)
  const file = await open(image, 'r+')
  try {
    // The partition table of the protective MBR starts after the code.
    await file.write(boot, 0, 440, 0)
    await file.write(core, 0, core.length, partitions.bios.at * mebibyte)
  } finally {
    await file.close()
  }
}

export async function sizeInMebibytes(file: string): Promise<number> {
  return Math.round((await stat(file)).size / mebibyte)
}
