/** The report about disks that the live system posts (src/plan/ignition/disk-check.ts). Pure. */
import type { InventoryReport } from './disk-inventory.ts'

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
  /** The other disks of a mirror. */
  readonly others?: readonly DiskReport[]
  /** All disks of the machine, if the target does not exist or has to be found. */
  readonly inventory?: InventoryReport
}

/** Splits the body that the live system posts; undefined if it has another form. */
export function parseDiskReport(body: string): DiskReport | undefined {
  const parts = body.split(/^(?=slipway-disks? 1$)/m)
  const inventory = parts.length > 1 ? parseInventory(parts.at(-1) as string) : undefined
  const disks = (inventory === undefined ? parts : parts.slice(0, -1)).map(parseOne)
  const [first, ...others] = disks
  if (first === undefined || others.includes(undefined)) return undefined
  return {
    ...first,
    ...(others.length > 0 && { others: others.filter((each) => each !== undefined) }),
    ...(inventory !== undefined && { inventory }),
  }
}

function parseOne(text: string): DiskReport | undefined {
  const match =
    /^slipway-disk 1\ndevice: (\/[^\n]*)\npath: ([^\n]*)\n--- lsblk\n([^]*?)\n--- blkid\n([^]*)$/.exec(text)
  if (match === null) return undefined
  const [, device = '', path = '', lsblk = '', blkid = ''] = match
  const isPath = (text: string) => /^\/dev\/[\x21-\x7e]{1,200}$/.test(text)
  if (!isPath(device) || (path !== '' && !isPath(path))) return undefined
  return { device, path, lsblk, blkid }
}

function parseInventory(text: string): InventoryReport | undefined {
  const [, lsblk, udev] = /^slipway-disks 1\n--- lsblk\n([^]*?)\n--- udev\n([^]*)$/.exec(text) ?? []
  return lsblk === undefined || udev === undefined ? undefined : { lsblk, udev }
}
