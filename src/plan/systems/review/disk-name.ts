/** Names of disks in answer files. Pure. */

/** `sda` or `/dev/sda`; links below `/dev/disk` can be any disk. */
const kernelName = /^(?:\/dev\/)?((?:[hsv]|xv)d[a-z]+|(?:nvme|mmcblk|dasd)[a-z0-9]+)$/

/** Reports whether both are names of the kernel, and different. Other names are not known to be different. */
export function isOtherDisk(given: string, disk: string | undefined): boolean {
  const [a, b] = [kernelName.exec(given)?.[1], kernelName.exec(disk ?? '')?.[1]]
  return a !== undefined && b !== undefined && a !== b
}
