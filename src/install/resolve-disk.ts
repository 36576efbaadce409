/**
 * Finds the one disk of a machine that has all hints of the site file, and describes the disks if there is none or several. The
 * hints compare as those of agent-config.yaml and of a BareMetalHost do (docs/decisions/0053). Pure.
 */
import { hintsText } from '../plan/disks/target.ts'
import type { DiskHints } from '../site/disk-section.ts'
import { listSome } from '../text/format.ts'
import type { Disk } from './disk-inventory.ts'

/** `problem` is a sentence without a full stop, with what to do. */
export type ResolvedDisk =
  | { readonly kind: 'found'; readonly disk: Disk }
  | { readonly kind: 'none' | 'several'; readonly problem: string }

export function resolveDisk(hints: DiskHints, disks: readonly Disk[]): ResolvedDisk {
  const matches = disks.filter((disk) => hasHints(disk, hints))
  const [disk, other] = matches
  if (disk === undefined) {
    const advice = 'correct disk in the site file'
    return {
      kind: 'none',
      problem: `no disk of this machine has ${hintsText(hints)}: ${listed(disks)}; ${advice}`,
    }
  }
  if (other === undefined) return { kind: 'found', disk }
  const problem = `${matches.length} disks of this machine have ${hintsText(hints)}: ${shown(matches)}; ${advice(matches, disks)}`
  return { kind: 'several', problem }
}

/** Reports whether a disk has all hints. */
export function hasHints(disk: Disk, hints: DiskHints): boolean {
  const { deviceName, byPath, hctl, model, vendor, serialNumber, minSizeGigabytes, rotational } = hints
  const { wwn, wwnWithExtension, wwnVendorExtension } = hints
  return (
    (deviceName === undefined || disk.links.includes(deviceName)) &&
    (byPath === undefined || disk.links.includes(byPath)) &&
    is(hctl, disk.hctls) &&
    isPart(model, disk.models) &&
    isPart(vendor, disk.vendors) &&
    is(serialNumber, disk.serials) &&
    is(wwn, disk.wwns) &&
    is(wwnWithExtension, disk.wwnsWithExtension) &&
    is(wwnVendorExtension, disk.wwnVendorExtensions) &&
    (minSizeGigabytes === undefined || disk.bytes >= minSizeGigabytes * gigabyte) &&
    (rotational === undefined || disk.isRotational === rotational)
  )
}

const gigabyte = 1_000_000_000

/** Ironic compares without regard to case. */
function is(hint: string | undefined, values: readonly string[]): boolean {
  return hint === undefined || values.some((value) => value.toLowerCase() === hint.trim().toLowerCase())
}

function isPart(hint: string | undefined, values: readonly string[]): boolean {
  return hint === undefined || values.some((value) => value.toLowerCase().includes(hint.trim().toLowerCase()))
}

const maxListed = 12

/** Returns `its disks are …`, or `it has no disk`. */
export function listed(disks: readonly Disk[]): string {
  return disks.length === 0 ? 'it has no disk' : `its disks are ${shown(disks)}`
}

function shown(disks: readonly Disk[]): string {
  return listSome(disks.map(describeDisk), maxListed)
}

/** Returns `/dev/sda (minSizeGigabytes 480, model PERC H755, serialNumber 0064…, rotational false)`, in the names of the hints. */
export function describeDisk({
  name,
  bytes,
  models,
  vendors,
  serials,
  wwns,
  hctls,
  isRotational,
}: Disk): string {
  const first = (hint: string, [value]: readonly string[]) =>
    value === undefined ? [] : [`${hint} ${value}`]
  const facts = [
    `minSizeGigabytes ${Math.floor(bytes / gigabyte)}`,
    ...first('model', models),
    ...first('vendor', vendors),
    ...first('serialNumber', serials),
    ...first('wwn', wwns),
    ...first('hctl', hctls),
    ...(isRotational === undefined ? [] : [`rotational ${isRotational}`]),
  ]
  return `${name} (${facts.join(', ')})`
}

/** Returns what to change: `multipath`, or a hint that only one of the matches has, as an example. */
function advice(matches: readonly Disk[], disks: readonly Disk[]): string {
  if (areOneDisk(matches)) return 'they are paths to one disk: write `multipath: true`'
  const general = 'add a hint that only one of them has'
  for (const disk of matches) {
    const candidates: readonly DiskHints[] = [
      ...disk.wwns.map((wwn) => ({ wwn })),
      ...disk.serials.map((serialNumber) => ({ serialNumber })),
      ...disk.links.filter((link) => link.startsWith('/dev/disk/by-path/')).map((byPath) => ({ byPath })),
    ]
    const unique = candidates.find((hints) => disks.filter((each) => hasHints(each, hints)).length === 1)
    if (unique !== undefined) {
      const [[name, value] = ['', '']] = Object.entries(unique)
      return `${general}, for example \`disk: { ${name}: "${String(value)}" }\``
    }
  }
  return general
}

/** Only the WWN with its extension identifies a disk: without it, it can be that of a whole array. */
function areOneDisk([first, ...others]: readonly Disk[]): boolean {
  const names = first?.wwnsWithExtension ?? []
  return names.some((name) => others.every(({ wwnsWithExtension }) => wwnsWithExtension.includes(name)))
}
