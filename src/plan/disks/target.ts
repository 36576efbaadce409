/**
 * The disks that a node is installed on: one path, hints that the live system compares with the disks of the machine, or the
 * disks of a RAID 1 mirror (docs/decisions/0053). Pure.
 */
import type { DiskHints, SavePartitions } from '../../site/disk-section.ts'
import type { Cluster } from '../../site/schema.ts'
import { defined } from '../../text/defined.ts'

export type DiskTarget =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'hints'; readonly hints: DiskHints }
  /** At least two; the installer writes the first one. */
  | { readonly kind: 'mirror'; readonly paths: readonly string[] }

/** What the disk check of the live system needs to know about the disks. */
export type WantedDisk = {
  readonly target: DiskTarget
  /** Whether the disk is a multipath device. */
  readonly multipath?: true
  readonly savePartitions?: SavePartitions
}

/**
 * The link that the disk check creates to the disk that matches the hints. Without the answer of slipway it does not exist, so
 * that coreos-installer fails.
 */
export const resolvedDevice = '/dev/slipway-disk'

/** Returns the value of `coreos.inst.install_dev`. */
export function installDevice(target: DiskTarget): string {
  switch (target.kind) {
    case 'path':
      return target.path
    case 'hints':
      return resolvedDevice
    case 'mirror':
      // The schema requires two.
      return target.paths[0] as string
  }
}

/** Returns the path that the site file names; undefined for hints. */
export function devicePath(target: DiskTarget): string | undefined {
  return target.kind === 'hints' ? undefined : installDevice(target)
}

/** Returns `/dev/sda`, `the disk with wwn 0x5002538e40d6a1b2`, or `/dev/sda and /dev/sdb (RAID 1)`. */
export function diskText(target: DiskTarget): string {
  switch (target.kind) {
    case 'path':
      return target.path
    case 'hints':
      return `the disk with ${hintsText(target.hints)}`
    case 'mirror':
      return `${target.paths.slice(0, -1).join(', ')} and ${target.paths.at(-1)} (RAID 1)`
  }
}

/** Returns what the disk check compares with; undefined for one path without other settings. */
export function wantedDisk({ disk, multipath, savePartitions }: NodeDisks): WantedDisk | undefined {
  const isPlain = disk?.kind === 'path' && multipath === undefined && savePartitions === undefined
  return disk === undefined || isPlain
    ? undefined
    : { target: disk, ...defined({ multipath, savePartitions }) }
}

/** Returns the text of the disk of a node; undefined if it has none. */
export function shownDisk({ disk }: Pick<NodeDisks, 'disk'>): string | undefined {
  return disk === undefined ? undefined : diskText(disk)
}

/** Returns `data*, 5-`; undefined if the installer keeps no partitions. */
export function savedText({ savePartitions }: Pick<NodeDisks, 'savePartitions'>): string | undefined {
  if (savePartitions === undefined) return undefined
  const { labels = [], indexes = [] } = savePartitions
  return [...labels, ...indexes].join(', ')
}

/** Returns `wwn 0x5002538e40d6a1b2, rotational false`. */
export function hintsText(hints: DiskHints): string {
  return Object.entries(defined(hints))
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')
}

/** The disks of a node, with the settings that it inherits; `disk` is absent only if an agent image may know it. */
export type NodeDisks = Omit<WantedDisk, 'target'> & { readonly disk?: DiskTarget }

export function nodeDisks(cluster: DiskSettings, node: DiskSettings): NodeDisks {
  const multipath = node.multipath ?? cluster.multipath
  return defined({
    disk: declaredTarget(node) ?? declaredTarget(cluster),
    multipath: multipath === true ? multipath : undefined,
    savePartitions: node.savePartitions ?? cluster.savePartitions,
  })
}

type DiskSettings = Pick<Cluster, 'disk' | 'mirror' | 'multipath' | 'savePartitions'>

function declaredTarget({ disk, mirror }: DiskSettings): DiskTarget | undefined {
  if (mirror !== undefined) return { kind: 'mirror', paths: mirror }
  if (typeof disk === 'string') return { kind: 'path', path: disk }
  return disk === undefined ? undefined : { kind: 'hints', hints: disk }
}
