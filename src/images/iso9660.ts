/**
 * Finds a file in an ISO 9660 image (ECMA-119). The image is not trusted: every offset and length is checked against the
 * size of the image, and directories have a maximum size.
 */
import { ImageProblem } from './codes.ts'

/** Reads bytes of an image. Rejects if they are not all there. */
export type ReadAt = (offset: number, octets: number) => Promise<Uint8Array>

export type Extent = { readonly offset: number; readonly octets: number }

const sectorOctets = 2048
/** The first 16 sectors are for boot code (ECMA-119 §6.2.1). */
const firstDescriptor = 16
const maxDescriptors = 64
const maxDirectoryOctets = 1024 * 1024
/** Offsets in a directory record (ECMA-119 §9.1). */
const record = { extent: 2, octets: 10, flags: 25, nameLength: 32, name: 33 } as const
const directoryFlag = 2
const rootRecordAt = 156

type Entry = Extent & { readonly name: string; readonly isDirectory: boolean }

/**
 * Returns where the contents of a file are; nothing if it does not exist.
 *
 * @param path segments, compared without case, because ISO 9660 has names in capitals
 * @throws {ImageProblem} if the image is not valid
 */
export async function findInIso(read: ReadAt, path: readonly string[]): Promise<Extent | undefined> {
  let entry: Entry | undefined = { ...(await rootOf(read)), name: '', isDirectory: true }
  for (const segment of path) {
    if (!entry.isDirectory) return undefined
    const entries: readonly Entry[] = await readDirectory(read, entry)
    entry = entries.find(({ name }) => name === segment.toLowerCase())
    if (entry === undefined) return undefined
  }
  return entry.isDirectory ? undefined : { offset: entry.offset, octets: entry.octets }
}

async function rootOf(read: ReadAt): Promise<Extent> {
  for (let index = 0; index < maxDescriptors; index++) {
    const sector = viewOf(await read((firstDescriptor + index) * sectorOctets, sectorOctets))
    if (textOf(sector, 1, 5) !== 'CD001') break
    const type = sector.getUint8(0)
    if (type === 1) return extentOf(sector, rootRecordAt)
    if (type === 255) break
  }
  throw invalid('it has no volume descriptor')
}

async function readDirectory(read: ReadAt, { offset, octets }: Extent): Promise<Entry[]> {
  if (octets > maxDirectoryOctets)
    throw invalid(`a directory of ${octets} bytes is larger than the maximum of ${maxDirectoryOctets} bytes`)
  const view = viewOf(await read(offset, octets))
  const entries: Entry[] = []
  for (let at = 0; at < octets;) {
    const length = view.getUint8(at)
    if (length === 0) {
      // Records do not cross the border of a sector.
      at = (Math.floor(at / sectorOctets) + 1) * sectorOctets
      continue
    }
    if (length < record.name + 1 || at + length > octets) throw invalid('a directory record is cut off')
    const nameLength = view.getUint8(at + record.nameLength)
    if (record.name + nameLength > length) throw invalid('a name is longer than its directory record')
    entries.push({
      ...extentOf(view, at),
      name: textOf(view, at + record.name, nameLength)
        .replace(/\.?(?:;\d+)?$/, '')
        .toLowerCase(),
      isDirectory: (view.getUint8(at + record.flags) & directoryFlag) !== 0,
    })
    at += length
  }
  return entries
}

function extentOf(view: DataView, at: number): Extent {
  return {
    offset: view.getUint32(at + record.extent, true) * sectorOctets,
    octets: view.getUint32(at + record.octets, true),
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function textOf(view: DataView, at: number, octets: number): string {
  return Buffer.from(view.buffer, view.byteOffset + at, octets).toString('latin1')
}

function invalid(why: string): ImageProblem {
  return new ImageProblem('image.iso-invalid', `the file is not a valid ISO image: ${why}`)
}
