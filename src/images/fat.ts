/**
 * Reads files from a FAT file system, such as the EFI image of a live ISO (Microsoft FAT specification 1.03). Only short
 * names are read, which boot loaders have. The file system is not trusted: all sizes have a maximum, and a chain of
 * clusters cannot be longer than the file system.
 */
import { ImageProblem } from './codes.ts'
import type { ReadAt } from './iso9660.ts'

export type FatEntry = {
  /** In lower case: `shimx64.efi`. */
  readonly name: string
  readonly isDirectory: boolean
  readonly octets: number
  readonly cluster: number
}

export type FatFiles = {
  /** Returns the entries of a directory; nothing if it does not exist. @param path segments in lower case */
  list(path: readonly string[]): Promise<readonly FatEntry[] | undefined>
  /** Returns the contents of a file. */
  read(file: FatEntry): Promise<Uint8Array>
}

/** An EFI image has about 10 MiB. */
const maxFatOctets = 4 * 1024 * 1024
const maxDirectoryOctets = 1024 * 1024
const maxFileOctets = 32 * 1024 * 1024
const entryOctets = 32
/** Cluster counts below these have entries of 12 and of 16 bits. */
const maxClusters12 = 4085
const maxClusters16 = 65_525
const attributes = { volume: 0x08, directory: 0x10, longName: 0x0f } as const

type Layout = {
  readonly bits: 12 | 16 | 32
  readonly clusterOctets: number
  readonly clusters: number
  readonly dataAt: number
  readonly root: { readonly at: number; readonly octets: number } | { readonly cluster: number }
  readonly fat: DataView
}

/** @throws {ImageProblem} if it is not a FAT file system */
export async function openFat(read: ReadAt): Promise<FatFiles> {
  const layout = await readLayout(read)
  const { clusterOctets } = layout

  async function readChain(first: number, octets: number): Promise<Uint8Array> {
    const contents = new Uint8Array(octets)
    let cluster = first
    for (let at = 0; at < octets; at += clusterOctets) {
      if (cluster < 2 || cluster >= layout.clusters + 2) throw invalid('a chain of clusters ends early')
      const part = await read(offsetOf(layout, cluster), Math.min(clusterOctets, octets - at))
      contents.set(part, at)
      cluster = nextCluster(layout, cluster)
    }
    return contents
  }

  /** The size of a directory is that of its chain. */
  function chainOctets(first: number): number {
    let octets = 0
    for (let cluster = first; cluster >= 2 && cluster < layout.clusters + 2;) {
      octets += clusterOctets
      if (octets > maxDirectoryOctets) throw invalid('a directory is too large, or its chain has no end')
      cluster = nextCluster(layout, cluster)
    }
    return octets
  }

  async function entriesAt(cluster: number): Promise<FatEntry[]> {
    return entriesOf(await readChain(cluster, chainOctets(cluster)))
  }

  const { root } = layout
  const rootEntries =
    'at' in root ? entriesOf(await read(root.at, root.octets)) : await entriesAt(root.cluster)

  return {
    async list(path) {
      let entries = rootEntries
      for (const segment of path) {
        const found = entries.find(({ name, isDirectory }) => isDirectory && name === segment)
        if (found === undefined) return undefined
        entries = await entriesAt(found.cluster)
      }
      return entries
    },
    read({ name, cluster, octets }) {
      if (octets > maxFileOctets)
        throw invalid(`${name} has ${octets} bytes, the maximum is ${maxFileOctets} bytes`)
      return readChain(cluster, octets)
    },
  }
}

async function readLayout(read: ReadAt): Promise<Layout> {
  const sector = viewOf(await read(0, 512))
  const octetsPerSector = sector.getUint16(11, true)
  const perCluster = sector.getUint8(13)
  const reserved = sector.getUint16(14, true)
  const fats = sector.getUint8(16)
  const rootEntries = sector.getUint16(17, true)
  const sectors = sector.getUint16(19, true) || sector.getUint32(32, true)
  const fatSectors = sector.getUint16(22, true) || sector.getUint32(36, true)
  const isSane =
    [512, 1024, 2048, 4096].includes(octetsPerSector) &&
    perCluster > 0 &&
    (perCluster & (perCluster - 1)) === 0 &&
    reserved > 0 &&
    fats > 0 &&
    fatSectors > 0
  if (!isSane) throw invalid('it has no FAT file system')
  const fatOctets = fatSectors * octetsPerSector
  if (fatOctets > maxFatOctets) throw invalid(`its table has more than ${maxFatOctets} bytes`)
  const rootOctets = Math.ceil((rootEntries * entryOctets) / octetsPerSector) * octetsPerSector
  const rootAt = (reserved + fats * fatSectors) * octetsPerSector
  const dataAt = rootAt + rootOctets
  const clusterOctets = perCluster * octetsPerSector
  const clusters = Math.floor((sectors * octetsPerSector - dataAt) / clusterOctets)
  const bits = clusters < maxClusters12 ? 12 : clusters < maxClusters16 ? 16 : 32
  // One entry of the table for each cluster, and two that are reserved.
  if (clusters < 1 || ((clusters + 2) * bits) / 8 > fatOctets) throw invalid('its table is too short')
  return {
    bits,
    clusterOctets,
    clusters,
    dataAt,
    root:
      bits === 32
        ? { cluster: sector.getUint32(44, true) }
        : { at: rootAt, octets: rootEntries * entryOctets },
    fat: viewOf(await read(reserved * octetsPerSector, fatOctets)),
  }
}

function offsetOf({ dataAt, clusterOctets }: Layout, cluster: number): number {
  return dataAt + (cluster - 2) * clusterOctets
}

function nextCluster({ bits, fat }: Layout, cluster: number): number {
  if (bits === 32) return fat.getUint32(cluster * 4, true) & 0x0fffffff
  if (bits === 16) return fat.getUint16(cluster * 2, true)
  const pair = fat.getUint16(cluster + (cluster >> 1), true)
  return cluster % 2 === 0 ? pair & 0xfff : pair >> 4
}

function entriesOf(directory: Uint8Array): FatEntry[] {
  const view = viewOf(directory)
  const entries: FatEntry[] = []
  for (let at = 0; at + entryOctets <= directory.length; at += entryOctets) {
    const first = view.getUint8(at)
    if (first === 0) break
    const attribute = view.getUint8(at + 11)
    const isOther =
      first === 0xe5 || attribute === attributes.longName || (attribute & attributes.volume) !== 0
    if (isOther) continue
    const name = Buffer.from(directory.subarray(at, at + 8))
      .toString('latin1')
      .trimEnd()
    const extension = Buffer.from(directory.subarray(at + 8, at + 11))
      .toString('latin1')
      .trimEnd()
    entries.push({
      name: `${name}${extension === '' ? '' : `.${extension}`}`.toLowerCase(),
      isDirectory: (attribute & attributes.directory) !== 0,
      octets: view.getUint32(at + 28, true),
      cluster: view.getUint16(at + 26, true) + view.getUint16(at + 20, true) * 0x10000,
    })
  }
  return entries
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function invalid(why: string): ImageProblem {
  return new ImageProblem('image.iso-invalid', `the EFI image is not valid: ${why}`)
}
