/** One Ignition file from the disk, whole or not at all. */
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { openFile, readOpened, reasonOf } from '../file.ts'
import { decodeIgnition, type Decoded } from './decode.ts'

/** A bootstrap.ign has some hundred thousand octets; what is larger than this is something else. */
const mostOctets = 16 * 1024 * 1024

/** `octets`: as they are on the disk. */
export type Loaded = (Decoded & { readonly octets: Uint8Array }) | { readonly problem: string }

/** @param isLive as for `versionProblem` */
export async function loadIgnition(path: string, isLive: boolean): Promise<Loaded> {
  try {
    const { file } = await openFile(path)
    const octets = await readWhole(file).finally(() => file.close())
    return { octets, ...decodeIgnition(octets, isLive) }
  } catch (error) {
    return { problem: reasonOf(error) }
  }
}

/** @throws {Error} when it is too large, or written while it is read */
async function readWhole(file: FileHandle): Promise<Uint8Array> {
  const before = await file.stat({ bigint: true })
  if (before.size > mostOctets) throw new Error(`is too large, with ${before.size.toString()} octets`)
  const octets = await readOpened(file, Number(before.size))
  const after = await file.stat({ bigint: true })
  if (identityOf(before) !== identityOf(after)) throw new Error('is being written')
  return octets
}

/** Changes whenever the file does, but for changes within one tick of the clock. */
export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
