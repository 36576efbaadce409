/** Builds small ISO 9660 images and FAT file systems, to test their readers. */
const sector = 2048

export type IsoFiles = Readonly<Record<string, Uint8Array>>

/** Returns an ISO with files in one level of directories: `images/efiboot.img`. */
export function buildIso(files: IsoFiles): Buffer {
  const directories = new Map<string, [name: string, content: Uint8Array][]>()
  for (const [path, content] of Object.entries(files)) {
    const [directory = '', name = ''] = path.split('/')
    directories.set(directory, [...(directories.get(directory) ?? []), [name, content]])
  }
  const parts: Buffer[] = []
  let next = 20
  const place = (content: Uint8Array) => {
    const at = next
    const padded = Buffer.alloc(Math.max(1, Math.ceil(content.length / sector)) * sector)
    padded.set(content)
    parts.push(padded)
    next += padded.length / sector
    return at
  }
  const root = [...directories].map(([directory, entries]) => {
    const records = entries.map(([name, content]) =>
      isoRecord(`${name.toUpperCase()};1`, place(content), content.length, 0),
    )
    const list = Buffer.concat([isoRecord('\0', 0, sector, 2), isoRecord('\x01', 0, sector, 2), ...records])
    return isoRecord(directory.toUpperCase(), place(pad(list)), sector, 2)
  })
  const rootAt = place(pad(Buffer.concat([isoRecord('\0', 0, sector, 2), ...root])))
  const head = Buffer.alloc(20 * sector)
  const descriptor = head.subarray(16 * sector)
  descriptor.set(Buffer.from('\x01CD001\x01', 'latin1'))
  descriptor.set(isoRecord('\0', rootAt, sector, 2), 156)
  head.subarray(17 * sector).set(Buffer.from('\xffCD001\x01', 'latin1'))
  return Buffer.concat([head, ...parts])
}

function pad(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc(sector - content.length)])
}

function isoRecord(name: string, extent: number, octets: number, flags: number): Buffer {
  const length = 33 + name.length + (name.length % 2 === 0 ? 1 : 0)
  const record = Buffer.alloc(length)
  record.writeUInt8(length, 0)
  record.writeUInt32LE(extent, 2)
  record.writeUInt32LE(octets, 10)
  record.writeUInt8(flags, 25)
  record.writeUInt8(name.length, 32)
  record.write(name, 33, 'latin1')
  return record
}

/**
 * Returns a FAT file system with clusters of 512 bytes.
 *
 * @param files by path: `efi/redhat/shimx64.efi`
 * @param clusters fewer than 4085: FAT12; fewer than 65525: FAT16; more: FAT32
 */
export function buildFat(files: IsoFiles, clusters = 2000): Buffer {
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32
  const fatSectors = Math.ceil(((clusters + 2) * bits) / 8 / 512)
  const rootSectors = bits === 32 ? 0 : 4
  const dataAt = (1 + fatSectors + rootSectors) * 512
  const image = Buffer.alloc(dataAt + clusters * 512)
  image.writeUInt16LE(512, 11)
  image.writeUInt8(1, 13)
  image.writeUInt16LE(1, 14)
  image.writeUInt8(1, 16)
  image.writeUInt16LE(rootSectors * 16, 17)
  image.writeUInt32LE(1 + fatSectors + rootSectors + clusters, 32)
  if (bits === 32) image.writeUInt32LE(fatSectors, 36)
  else image.writeUInt16LE(fatSectors, 22)
  let next = 2
  const link = (cluster: number, value: number) => {
    if (bits === 32) image.writeUInt32LE(value, 512 + cluster * 4)
    else if (bits === 16) image.writeUInt16LE(value & 0xffff, 512 + cluster * 2)
    else {
      const at = 512 + cluster + (cluster >> 1)
      const old = image.readUInt16LE(at)
      const part = value & 0xfff
      image.writeUInt16LE(cluster % 2 === 0 ? (old & 0xf000) | part : (old & 0x000f) | (part << 4), at)
    }
  }
  const store = (content: Uint8Array): number => {
    const first = next
    for (let at = 0; at === 0 || at < content.length; at += 512) {
      image.set(content.subarray(at, at + 512), dataAt + (next - 2) * 512)
      link(next, at + 512 < content.length ? next + 1 : 0xfffffff)
      next++
    }
    return first
  }
  const directory = (path: string): Buffer => {
    const inside = Object.entries(files).filter(([name]) => name.startsWith(path))
    const names = new Set(inside.map(([name]) => name.slice(path.length).split('/')[0] as string))
    const entries = [...names].map((name) => {
      const content = files[path + name]
      if (content !== undefined) return fatEntry(name, 0x20, store(content), content.length)
      return fatEntry(name, 0x10, store(directory(`${path}${name}/`)), 0)
    })
    const deleted = fatEntry('old.efi', 0x20, 0, 0)
    deleted.writeUInt8(0xe5, 0)
    const longName = fatEntry('long', 0x0f, 0, 0)
    return Buffer.concat([fatEntry('label', 0x08, 0, 0), deleted, longName, ...entries, Buffer.alloc(32)])
  }
  const root = directory('')
  if (bits === 32) image.writeUInt32LE(store(root), 44)
  else image.set(root, (1 + fatSectors) * 512)
  return image
}

function fatEntry(name: string, attribute: number, cluster: number, octets: number): Buffer {
  const [base = '', extension = ''] = name.toUpperCase().split('.')
  const entry = Buffer.alloc(32)
  entry.write(base.padEnd(8) + extension.padEnd(3), 0, 'latin1')
  entry.writeUInt8(attribute, 11)
  entry.writeUInt16LE(cluster >> 16, 20)
  entry.writeUInt16LE(cluster & 0xffff, 26)
  entry.writeUInt32LE(octets, 28)
  return entry
}
