/** Loads one Ignition file from disk completely, or returns why that is not possible. Large files are decoded in a worker. */
import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { runInWorker } from '../../host/worker.ts'
import type { PlanCode } from '../../plan/codes.ts'
import { openFile, readOpened, reasonOf } from '../file.ts'
import { decodeIgnition, type Decoded } from './decode.ts'

/** A bootstrap.ign has some hundred KiB. */
const maxBytes = 16 * 1024 * 1024
/** Decoding a file of this size takes about 10 ms. */
const maxInlineBytes = 384 * 1024
/** Enough for the largest file with its parsed values and unpacked parts. */
const workerMebibytes = 512

/** `octets` are the bytes on disk. */
export type Loaded =
  (Decoded & { readonly octets: Uint8Array }) | { readonly code: PlanCode; readonly problem: string }

/** @param isLive as for `versionProblem` */
export async function loadIgnition(path: string, isLive: boolean): Promise<Loaded> {
  try {
    const { file } = await openFile(path)
    const octets = await readWhole(file).finally(() => file.close())
    return {
      octets,
      ...(octets.length > maxInlineBytes
        ? await decodeInWorker(octets, isLive)
        : decodeIgnition(octets, isLive)),
    }
  } catch (error) {
    return { code: 'ignition.unreadable', problem: reasonOf(error) }
  }
}

/** Keeps the work of a large file off the event loop. @throws {Error} if the worker fails */
async function decodeInWorker(octets: Uint8Array, isLive: boolean): Promise<Decoded> {
  const decoded = await runInWorker<Decoded>(
    { url: import.meta.url, name: './decode-worker', maxMebibytes: workerMebibytes },
    { octets, isLive },
  )
  return (
    decoded ?? {
      code: 'ignition.invalid',
      problem: `needs more than ${workerMebibytes} MiB of memory to be read`,
    }
  )
}

/** @throws {Error} if the file is too large, or changes while it is read */
async function readWhole(file: FileHandle): Promise<Uint8Array> {
  const before = await file.stat({ bigint: true })
  if (before.size > maxBytes) {
    throw new Error(`is too large: ${before.size.toString()} bytes, the maximum is ${maxBytes}`)
  }
  const octets = await readOpened(file, Number(before.size))
  const after = await file.stat({ bigint: true })
  if (identityOf(before) !== identityOf(after)) throw new Error('is being written')
  return octets
}

/** Returns a value that changes with the file, except for changes within one tick of the clock. */
export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ')
}
