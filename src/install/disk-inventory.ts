/**
 * The disks of a machine, from the report of its live system: the output of lsblk, and properties that udev knows. Paths of one
 * multipath device are one disk. Pure.
 */
import { printableAscii } from '../text/lines.ts'

/** The two parts of the report. */
export type InventoryReport = {
  /** JSON output of lsblk for all block devices; empty if it failed. */
  readonly lsblk: string
  /** Output of `udevadm info --query=property` for each disk, each after a line `device=PATH`. */
  readonly udev: string
}

/** Properties are lists, because the paths of a multipath device can differ. */
export type Disk = {
  /** As lsblk shows it: `/dev/sda`, `/dev/mapper/mpatha`. */
  readonly name: string
  readonly bytes: number
  /** Undefined if lsblk does not know it. */
  readonly isRotational?: boolean
  readonly isMultipath: boolean
  /** Names and symbolic links of the disk and of its paths. */
  readonly links: readonly string[]
  readonly models: readonly string[]
  readonly vendors: readonly string[]
  readonly serials: readonly string[]
  /** With and without extension. */
  readonly wwns: readonly string[]
  readonly wwnsWithExtension: readonly string[]
  readonly wwnVendorExtensions: readonly string[]
  readonly hctls: readonly string[]
}

const maxDisks = 1000
const maxText = 200

/** Returns the disks that an installer could write; undefined if the report cannot be read. */
export function disksOf({ lsblk, udev }: InventoryReport): readonly Disk[] | undefined {
  const devices = blockDevices(lsblk)
  if (devices === undefined) return undefined
  const known = udevProperties(udev)
  const disks = new Map<string, Disk>()
  for (const device of devices.slice(0, maxDisks)) {
    if (!isDisk(device)) continue
    const path = diskOf(device, known)
    const multipath = childrenOf(device).find(({ type }) => type === 'mpath')
    if (multipath === undefined) {
      disks.set(path.name, path)
      continue
    }
    const own = diskOf(multipath, known)
    const before = disks.get(own.name)
    const merged = before === undefined ? [own, path] : [before, path]
    disks.set(own.name, { ...join(merged), name: own.name, bytes: own.bytes, isMultipath: true })
  }
  return [...disks.values()]
}

type Fields = Readonly<Record<string, unknown>>

function blockDevices(text: string): Fields[] | undefined {
  try {
    const { blockdevices } = JSON.parse(text) as { blockdevices?: unknown }
    return Array.isArray(blockdevices) ? blockdevices.filter(isFields) : undefined
  } catch {
    return undefined
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null
}

function childrenOf({ children }: Fields): Fields[] {
  return Array.isArray(children) ? children.filter(isFields) : []
}

/** Memory, floppy disks, network block devices, and the boot areas of an eMMC are not targets. */
const otherDevices = /^\/dev\/(?:z?ram|fd|nbd|mmcblk\d+boot)\d+$/

function isDisk(device: Fields): boolean {
  const { type, name, ro } = device
  return (
    type === 'disk' &&
    typeof name === 'string' &&
    !otherDevices.test(name) &&
    !isSet(ro) &&
    bytesOf(device) > 0
  )
}

/** util-linux 2.32 (RHCOS 4.6) writes "1" for true and text for numbers. */
function isSet(value: unknown): boolean {
  return value === true || value === '1' || value === 1
}

function bytesOf({ size }: Fields): number {
  return Number(size)
}

function diskOf(device: Fields, known: ReadonlyMap<string, Properties>): Disk {
  const name = textOf(device['name'])
  const udev = known.get(name) ?? {}
  const texts = (...values: readonly unknown[]) => distinct(values.map(textOf).filter((text) => text !== ''))
  const rotational = device['rota']
  return {
    name,
    bytes: bytesOf(device),
    ...(rotational !== undefined && rotational !== null && { isRotational: isSet(rotational) }),
    isMultipath: false,
    links: [name, ...(udev['DEVLINKS'] ?? '').split(' ').filter((link) => link !== '')],
    models: texts(device['model']),
    vendors: texts(device['vendor']),
    serials: texts(device['serial'], udev['ID_SERIAL_SHORT'], udev['ID_SCSI_SERIAL'], udev['ID_SERIAL']),
    wwns: texts(device['wwn'], udev['ID_WWN_WITH_EXTENSION'], udev['ID_WWN']),
    wwnsWithExtension: texts(udev['ID_WWN_WITH_EXTENSION']),
    wwnVendorExtensions: texts(udev['ID_WWN_VENDOR_EXTENSION']),
    hctls: texts(device['hctl']),
  }
}

/** Returns a disk with the properties of all of them; a multipath device itself knows few. */
function join(disks: readonly Disk[]): Disk {
  const all = (key: ListKey) => distinct(disks.flatMap((disk) => disk[key]))
  const rotational = disks.map(({ isRotational }) => isRotational).findLast((each) => each !== undefined)
  return {
    ...(disks[0] as Disk),
    ...(rotational !== undefined && { isRotational: rotational }),
    links: all('links'),
    models: all('models'),
    vendors: all('vendors'),
    serials: all('serials'),
    wwns: all('wwns'),
    wwnsWithExtension: all('wwnsWithExtension'),
    wwnVendorExtensions: all('wwnVendorExtensions'),
    hctls: all('hctls'),
  }
}

type ListKey = Exclude<keyof Disk, 'name' | 'bytes' | 'isRotational' | 'isMultipath'>

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? printableAscii(value, maxText).trim() : ''
}

type Properties = Readonly<Record<string, string>>

function udevProperties(text: string): ReadonlyMap<string, Properties> {
  const found = new Map<string, Record<string, string>>()
  let current: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const at = line.indexOf('=')
    if (at < 1) continue
    const key = line.slice(0, at)
    const value = line.slice(at + 1)
    if (key === 'device') found.set(value, (current = {}))
    else current[key] = value
  }
  return found
}
