/** Names of disks in answer files. Pure. */

/** `sda` or `/dev/sda`; links below `/dev/disk` can be any disk. */
const kernelName = /^(?:\/dev\/)?((?:[hsv]|xv)d[a-z]+|(?:nvme|mmcblk|dasd)[a-z0-9]+)$/

/** Reports whether both are names of the kernel, and different. Other names are not known to be different. */
export function isOtherDisk(given: string, disk: string | undefined): boolean {
  const [a, b] = [kernelName.exec(given)?.[1], kernelName.exec(disk ?? '')?.[1]]
  return a !== undefined && b !== undefined && a !== b
}

/** Reports whether both are the same name. Patterns, and other links to a disk, are not known to be the same disk. */
export function isSameDisk(given: unknown, disk: string | undefined): boolean {
  return typeof given === 'string' && disk !== undefined && nameOf(given) === nameOf(disk)
}

/** Reports whether a name is that of a partition of the disk: `sda1`, `nvme0n1p1`, or `disk/by-id/…-part1`. */
export function isPartitionOf(given: string, disk: string | undefined): boolean {
  const [, whole] =
    /^(.*\d)p\d+$/.exec(given) ?? /^(.*)-part\d+$/.exec(given) ?? /^(.*\D)\d+$/.exec(given) ?? []
  return isSameDisk(whole, disk)
}

function nameOf(path: string): string {
  return path.startsWith('/dev/') ? path.slice('/dev/'.length) : path
}
