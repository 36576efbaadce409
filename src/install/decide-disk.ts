/**
 * Decides whether the installer may overwrite the target disks, from what the live system reports about them: the output of
 * lsblk and blkid. This check is independent of all records of slipway, so that a loss of its state cannot erase a disk. Pure.
 */

import { resolvedDevice, type WantedDisk } from '../plan/disks/target.ts'
import { printableAscii } from '../text/lines.ts'
import { disksOf, type Disk } from './disk-inventory.ts'
import type { DiskReport } from './disk-report.ts'
import { describeDisk, listed, resolveDisk } from './resolve-disk.ts'
import { isSaved } from './saved-partitions.ts'

export type DiskPermission = {
  readonly wipe: 'ask' | 'always'
  /** Whether an administrator started this installation. */
  readonly hasConsent: boolean
  /** Whether this installation has written to the disk before. */
  readonly isOurs: boolean
  /** What identifies the disk that it has written to; absent in older records. */
  readonly cleared?: DiskIdentity | undefined
}

/** Serial numbers of the disk that hints select, where it has any; else paths. */
export type DiskIdentity = readonly string[]

/** `reason` and `sentence` have no full stop. */
export type DiskDecision =
  | { readonly kind: 'proceed'; readonly reason: string; readonly disk: DiskIdentity }
  /** The disk holds data. `holds`: `/dev/sda holds …`. */
  | { readonly kind: 'keep'; readonly holds: string }
  /** One disk matches the hints: the live system uses `device`, and reports again. */
  | { readonly kind: 'use'; readonly device: string; readonly reason: string }
  /** The report is not sufficient: the installer waits, and the live system reports again. */
  | { readonly kind: 'unknown'; readonly reason: string }

/** @param wanted the declared disks; absent if they are one path without other settings */
export function decideDisk(
  report: DiskReport,
  permission: DiskPermission,
  wanted?: WantedDisk,
): DiskDecision {
  // An administrator consents to the declared disks only.
  const selected = wanted === undefined ? [report.device] : selectDisk(report, wanted)
  if ('kind' in selected) return selected
  const isSame = isSameDisk(permission, selected, wanted)
  // The permission of an earlier start of this installation is not for a disk that the hints or the site file select now.
  const allowed = isSame ? permission : { ...permission, hasConsent: false, isOurs: false }
  const reports = [report, ...(report.others ?? [])]
  const saved = wanted?.savePartitions
  const decisions = reports.map((each) => decideOne(each, allowed, saved))
  const kept = decisions.find(({ kind }) => kind !== 'proceed')
  if (kept !== undefined) return kept
  const { reason } = decisions[0] as Extract<DiskDecision, { kind: 'proceed' }>
  return { kind: 'proceed', reason, disk: selected }
}

function isSameDisk(
  { isOurs, cleared }: DiskPermission,
  disk: DiskIdentity,
  wanted: WantedDisk | undefined,
): boolean {
  if (!isOurs) return true
  if (wanted?.target.kind === 'hints') return cleared !== undefined && disk.some((id) => cleared.includes(id))
  return cleared === undefined || disk.every((path) => cleared.includes(path))
}

/** Returns what identifies the reported disks, or why they are not the declared ones. */
function selectDisk(report: DiskReport, { target, multipath }: WantedDisk): DiskDecision | DiskIdentity {
  const reports = [report, ...(report.others ?? [])]
  if (target.kind === 'hints') {
    if (report.inventory === undefined)
      return unknown('the report of the live system does not list its disks')
    const disks = disksOf(report.inventory)
    if (disks === undefined) return unknown('slipway cannot read the list of its disks')
    const resolved = resolveDisk(target.hints, disks)
    if (resolved.kind !== 'found') return unknown(resolved.problem)
    const { disk } = resolved
    if (multipath === true && !disk.isMultipath) return unknown(notMultipath(disk.name))
    if (rootOf(report)?.name === disk.name) return identityOf(disk)
    return { kind: 'use', device: disk.name, reason: `the hints select ${describeDisk(disk)}` }
  }
  const declared = target.kind === 'mirror' ? target.paths : [target.path]
  const missing = declared.find((path) => !reports.some(({ device }) => device === path))
  if (missing !== undefined)
    return unknown(`the live system did not report ${missing}, because it has an older site file`)
  if (multipath === true && report.path !== '' && rootOf(report)?.type !== 'mpath') {
    return unknown(notMultipath(report.device))
  }
  const absent = reports.find(({ path }) => path === '')
  if (absent !== undefined) return notThere(report, absent.device)
  const [path, again] = reports.filter((each) =>
    reports.some((other) => other !== each && other.path === each.path),
  )
  return path === undefined || again === undefined
    ? declared
    : unknown(`${path.device} and ${again.device} are the same disk: a mirror needs different disks`)
}

/** The WWN without its extension can be that of a whole array. */
function identityOf({ serials, wwnsWithExtension, links }: Disk): DiskIdentity {
  const own = [...serials, ...wwnsWithExtension]
  return own.length === 0 ? links : own
}

function unknown(reason: string): DiskDecision {
  return { kind: 'unknown', reason }
}

function notMultipath(name: string): string {
  return `${name} is not a multipath device: check its paths, or remove multipath`
}

function notThere({ inventory }: DiskReport, device: string): DiskDecision {
  const disks = inventory === undefined ? undefined : disksOf(inventory)
  const list = disks === undefined ? '' : `: ${listed(disks)}; correct disk in the site file`
  return unknown(`${device} does not exist on this machine${list}`)
}

/** Returns the device that lsblk was called for. Its name may differ from the path: /dev/mapper/mpatha is /dev/dm-0. */
function rootOf({ lsblk }: DiskReport): Device | undefined {
  return parseDevices(lsblk)[0]
}

function decideOne(
  report: DiskReport,
  permission: DiskPermission,
  saved: WantedDisk['savePartitions'],
): DiskDecision {
  const proceed = (reason: string): DiskDecision => ({ kind: 'proceed', reason, disk: [report.device] })
  if (permission.hasConsent) return proceed('an administrator started this installation')
  if (permission.wipe === 'always') return proceed('the site file sets wipe: always')
  if (permission.isOurs) return proceed('this installation has already written to the disk')
  if (report.path === '') return notThere(report, report.device)
  const name = nameOf(report)
  const content = contentOf(report, saved)
  if (content === undefined)
    return unknown(`the live system cannot read what is on ${name}: check the disk; ${overwriteAnyway}`)
  if (content === '') {
    const isKept = saved !== undefined && rootOf(report)?.children.length !== 0
    return proceed(isKept ? `${name} holds only partitions that the installer keeps` : `${name} is empty`)
  }
  return { kind: 'keep', holds: `${name} holds ${content}` }
}

/** `/dev/disk/by-id/wwn-0x5002538e40d6a1b2 (/dev/sda)` */
function nameOf({ device, path }: DiskReport): string {
  return device === path ? device : device === resolvedDevice ? path : `${device} (${path})`
}

const overwriteAnyway = 'slipway node install overwrites it whatever it holds'

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
function contentOf(report: DiskReport, saved: WantedDisk['savePartitions']): string | undefined {
  const probed = probes(report.blkid)
  const disk = rootOf(report)
  // lsblk alone may show an outdated state.
  if (disk === undefined || !probed.has(disk.name)) return undefined
  const all = withProbes(disk, probed)
  if (all.some(({ name }) => probed.get(name)?.['UNREADABLE'] !== undefined)) return undefined
  if (all.some(({ isAmbiguous }) => isAmbiguous))
    return 'several signatures of file systems or partition tables'
  const kept = disk.children.filter(({ name }) => isSaved(probed.get(name), saved))
  const known = withProbes(
    { ...disk, children: disk.children.filter((each) => !kept.includes(each)) },
    probed,
  )
  const partitions = known.filter(({ type }) => type === 'part')
  const labels = partitions.map(({ name, label, partitionLabel }) => partitionLabel || label || name)
  const list =
    labels.length === 0 ? '' : ` (${labels.length === 1 ? 'partition' : 'partitions'} ${labels.join(', ')})`
  // The partitions of a system are never only kept.
  const system = systemOf(all)
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
