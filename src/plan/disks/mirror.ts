/**
 * The storage section of an Ignition file for a RAID 1 mirror of the boot disk, as Butane writes it for
 * `boot_device.mirror` (https://coreos.github.io/butane/config-openshift-v4_17/). The initramfs of RHCOS and FCOS moves the
 * system to the mirror at the first boot. Pure.
 */

export type MirrorStorage = {
  readonly disks: readonly object[]
  readonly raid: readonly object[]
  readonly filesystems: readonly object[]
}

type Partition = { readonly label: string; readonly sizeMiB?: number; readonly typeGuid?: string }

const types = {
  reserved: '8DA63339-0007-60C0-C436-083AC8230908',
  bios: '21686148-6449-6E6F-744E-656564454649',
  prep: '9E1A2D38-C612-4316-AA26-8B49521E5A8B',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
} as const

type Boot = keyof typeof types
const bootPartitions: Readonly<Record<string, readonly [Boot, Boot]>> = {
  x86_64: ['bios', 'esp'],
  aarch64: ['reserved', 'esp'],
  ppc64le: ['prep', 'reserved'],
}
const sizes: Readonly<Record<Boot, number>> = { reserved: 1, bios: 1, prep: 4, esp: 127 }
const bootMiB = 384

/** @param architecture as in `images` of the site file */
export function mirrorStorage(paths: readonly string[], architecture: string): MirrorStorage {
  const kinds = bootPartitions[architecture] ?? ['bios', 'esp']
  const numbers = paths.map((_, index) => index + 1)
  const members = (prefix: string) => numbers.map((number) => `/dev/disk/by-partlabel/${prefix}-${number}`)
  const isEfi = kinds.includes('esp')
  return {
    disks: paths.map((device, index) => ({
      device,
      partitions: partitionsOf(kinds, index + 1),
      wipeTable: true,
    })),
    raid: [
      // With the superblock at the end of the partition, BIOS GRUB need not understand RAID.
      { devices: members('boot'), level: 'raid1', name: 'md-boot', options: ['--metadata=1.0'] },
      { devices: members('root'), level: 'raid1', name: 'md-root' },
    ],
    filesystems: [
      ...(isEfi
        ? numbers.map((number) => fileSystem(`/dev/disk/by-partlabel/esp-${number}`, 'vfat', `esp-${number}`))
        : []),
      fileSystem('/dev/md/md-boot', 'ext4', 'boot'),
      fileSystem('/dev/md/md-root', 'xfs', 'root'),
    ],
  }
}

function partitionsOf(kinds: readonly Boot[], number: number): readonly Partition[] {
  return [
    ...kinds.map((kind) => ({ label: `${kind}-${number}`, sizeMiB: sizes[kind], typeGuid: types[kind] })),
    { label: `boot-${number}`, sizeMiB: bootMiB },
    { label: `root-${number}` },
  ]
}

function fileSystem(device: string, format: string, label: string): object {
  return { device, format, label, wipeFilesystem: true }
}
