/**
 * Decides whether the installer may overwrite the target disk, from what the live system reports about it: the output of
 * lsblk and blkid. This check is independent of all records of slipway, so that a loss of its state cannot erase a disk. Pure.
 */

import { printableAscii } from '../text/lines.ts'

/** What the live system found at `coreos.inst.install_dev`. */
export type DiskReport = {
  /** As in the kernel argument: `/dev/sda`, `/dev/disk/by-id/…`, `/dev/mapper/mpatha`. */
  readonly device: string
  /** The block device that this name leads to; empty if there is none. */
  readonly path: string
  /** JSON output of lsblk; empty if it failed. */
  readonly lsblk: string
  /** Output of `blkid --probe --output export` for the disk and each device on it, each after a line `device=PATH`. */
  readonly blkid: string
}

export type DiskPermission = {
  readonly wipe: 'ask' | 'always'
  /** Whether an administrator started this installation. */
  readonly hasConsent: boolean
  /** Whether this installation has written to the disk before. */
  readonly isOurs: boolean
}

/** `reason` and `sentence` have no full stop. */
export type DiskDecision =
  | { readonly kind: 'proceed'; readonly reason: string }
  /** The disk holds data. `holds`: `/dev/sda holds …`. */
  | { readonly kind: 'keep'; readonly holds: string }
  /** The report is not sufficient: the installer waits, and the live system reports again. */
  | { readonly kind: 'unknown'; readonly reason: string }

export function decideDisk(report: DiskReport, permission: DiskPermission): DiskDecision {
  if (permission.hasConsent) return { kind: 'proceed', reason: 'an administrator started this installation' }
  if (permission.wipe === 'always') return { kind: 'proceed', reason: 'the site file sets wipe: always' }
  if (permission.isOurs)
    return { kind: 'proceed', reason: 'this installation has already written to the disk' }
  const { device, path } = report
  if (path === '') return { kind: 'unknown', reason: `${device} does not exist on this machine` }
  const name = nameOf(report)
  const content = contentOf(report)
  if (content === undefined) return { kind: 'unknown', reason: `slipway cannot read what is on ${name}` }
  if (content === '') return { kind: 'proceed', reason: `${name} is empty` }
  return { kind: 'keep', holds: `${name} holds ${content}` }
}

/** `/dev/disk/by-id/wwn-0x5002538e40d6a1b2 (/dev/sda)` */
function nameOf({ device, path }: DiskReport): string {
  return device === path ? device : `${device} (${path})`
}

type Device = {
  readonly name: string
  readonly type: string
  readonly fileSystem: string
  readonly label: string
  readonly partitionLabel: string
  readonly table: string
  readonly children: readonly Device[]
}

/** Returns what the disk holds, `''` if it is empty, and undefined if that cannot be read. */
function contentOf({ lsblk, blkid }: DiskReport): string | undefined {
  const probed = probes(blkid)
  // lsblk was called for one device. Its name may differ from the path: /dev/mapper/mpatha is /dev/dm-0.
  const [disk] = parseDevices(lsblk)
  // lsblk alone may show an outdated state.
  if (disk === undefined || !probed.has(disk.name)) return undefined
  const known = withProbes(disk, probed)
  if (known.some(({ isAmbiguous }) => isAmbiguous))
    return 'several signatures of file systems or partition tables'
  const partitions = known.filter(({ type }) => type === 'part')
  const labels = partitions.map(({ name, label, partitionLabel }) => partitionLabel || label || name)
  const list =
    labels.length === 0 ? '' : ` (${labels.length === 1 ? 'partition' : 'partitions'} ${labels.join(', ')})`
  const system = systemOf(known)
  if (system !== undefined) return system + list
  const found = [...new Set(known.map(({ fileSystem }) => fileSystem).filter((each) => isData(each)))]
  if (found.length > 0)
    return found.map((each) => signatures[each] ?? `a file system of type ${each}`).join(' and ') + list
  return partitions.length === 0
    ? ''
    : `${partitions.length === 1 ? 'a partition' : 'partitions'} of unknown content${list}`
}

type Known = Omit<Device, 'children'> & { readonly isAmbiguous: boolean }

/** Returns the disk and everything on it; blkid has precedence, because it reads the disk now. */
function withProbes(device: Device, probed: ReadonlyMap<string, Probe>): Known[] {
  const { children, ...own } = device
  const probe = probed.get(own.name)
  const known: Known = {
    ...own,
    fileSystem: probe?.['TYPE'] ?? own.fileSystem,
    label: probe?.['LABEL'] ?? own.label,
    partitionLabel: probe?.['PART_ENTRY_NAME'] ?? own.partitionLabel,
    isAmbiguous: probe?.['AMBIVALENT'] !== undefined,
  }
  return [known, ...children.flatMap((child) => withProbes(child, probed))]
}

/** A member of a multipath device holds no data of its own: the multipath device on it does. */
function isData(fileSystem: string): boolean {
  return fileSystem !== '' && fileSystem !== 'mpath_member'
}

const signatures: Readonly<Record<string, string>> = {
  LVM2_member: 'a physical volume of LVM',
  linux_raid_member: 'a member of a software RAID',
  ddf_raid_member: 'a member of a firmware RAID',
  isw_raid_member: 'a member of a firmware RAID',
  zfs_member: 'a member of a ZFS pool',
  ceph_bluestore: 'a Ceph OSD',
  crypto_LUKS: 'an encrypted volume (LUKS)',
  BitLocker: 'an encrypted volume (BitLocker)',
  VMFS: 'a VMware datastore (VMFS)',
  VMFS_volume_member: 'a VMware datastore (VMFS)',
  swap: 'a swap area',
}

/** Returns the operating system that labels and file systems show. */
function systemOf(devices: readonly Known[]): string | undefined {
  const labels = new Set(devices.flatMap(({ label, partitionLabel }) => [label, partitionLabel]))
  const types = new Set(devices.map(({ fileSystem }) => fileSystem))
  const has = (...names: readonly string[]) => names.some((name) => labels.has(name))
  if (has('boot') && has('root') && has('EFI-SYSTEM', 'BIOS-BOOT', 'PReP', 'reserved', 'luks_root')) {
    return 'Red Hat Enterprise Linux CoreOS or Fedora CoreOS'
  }
  if (has('Microsoft reserved partition') || (types.has('ntfs') && has('EFI system partition')))
    return 'Windows'
  if (has('BOOTBANK1', 'OSDATA', 'OSDATA-')) return 'VMware ESXi'
  return undefined
}

type Probe = Readonly<Record<string, string>>

function probes(text: string): ReadonlyMap<string, Probe> {
  const found = new Map<string, Record<string, string>>()
  let current: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const [, key, value] = /^([A-Za-z_]+)=(.*)$/.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    if (key === 'device') found.set(value, (current = {}))
    // blkid escapes spaces and other characters of values with a backslash.
    else current[key] = printableAscii(value.replaceAll(/\\(.)/g, '$1'), maxLabel)
  }
  return found
}

const maxLabel = 60
const maxDevices = 500

/** Returns the devices of `lsblk --json`; none if the text is not JSON of that form. */
function parseDevices(text: string): readonly Device[] {
  let count = 0
  const devices = (list: unknown): Device[] => {
    if (!Array.isArray(list)) return []
    return list.flatMap((each: unknown): Device[] => {
      if (typeof each !== 'object' || each === null || ++count > maxDevices) return []
      const fields = each as Readonly<Record<string, unknown>>
      const text = (key: string): string => {
        const value = fields[key]
        return typeof value === 'string' ? printableAscii(value, maxLabel) : ''
      }
      return [
        {
          name: text('name'),
          type: text('type'),
          fileSystem: text('fstype'),
          label: text('label'),
          partitionLabel: text('partlabel'),
          table: text('pttype'),
          children: devices(fields['children']),
        },
      ]
    })
  }
  try {
    return devices((JSON.parse(text) as { blockdevices?: unknown } | null)?.blockdevices)
  } catch {
    return []
  }
}

/** Splits the body that the live system posts (src/plan/ignition/units.ts); undefined if it has another form. */
export function parseDiskReport(body: string): DiskReport | undefined {
  const match =
    /^slipway-disk 1\ndevice: (\/[^\n]*)\npath: ([^\n]*)\n--- lsblk\n([^]*?)\n--- blkid\n([^]*)$/.exec(body)
  if (match === null) return undefined
  const [, device = '', path = '', lsblk = '', blkid = ''] = match
  const isPath = (text: string) => /^\/dev\/[\x21-\x7e]{1,200}$/.test(text)
  if (!isPath(device) || (path !== '' && !isPath(path))) return undefined
  return { device, path, lsblk, blkid }
}
