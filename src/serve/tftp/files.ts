/**
 * Files read in chunks that all transfers share: sixty machines that ask for one loader cost one reading
 * of it. A chunk belongs to one state of one file (device, inode, size, time of change), so a file that is
 * replaced is never mixed with the one before: transfers under way keep reading the old one.
 */
import { constants, type BigIntStats } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { ErrorCode } from '../../proto/tftp/packet.ts'

export type ServedFile = {
  readonly octets: number
  /** 0 for an empty file. */
  readonly chunkCount: number
  /** At once when it is in memory. The chunk is shared: read only. Rejects with {@link CannotRead}. */
  chunk(index: number): Uint8Array | Promise<Uint8Array>
  /** To be called once, when no chunk is wanted any more. */
  close(): void
}

export type Files = {
  /** @throws {CannotRead} when it is absent, not a regular file, or may not be read */
  open(path: string): Promise<ServedFile>
}

/** Why a file cannot be sent: the ERROR code and text for the client, and for the log. */
export class CannotRead extends Error {
  override readonly name = 'CannotRead'
  /** One of {@link ErrorCode}. */
  readonly code: number

  constructor(message: string, code: number, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

type Limits = { readonly cacheOctets: number; readonly chunkOctets: number }

/** Several generations of every loader; an initramfs passes through without needing more. */
const defaultLimits: Limits = { cacheOctets: 64 * 1024 * 1024, chunkOctets: 256 * 1024 }

/** A file held open while transfers read it. */
type Opened = {
  readonly handle: FileHandle
  readonly identity: string
  readonly octets: number
  readonly loading: Map<number, Promise<Uint8Array>>
  readers: number
}

export function createFiles({ cacheOctets, chunkOctets }: Limits = defaultLimits): Files {
  /** By identity and index, least recently used first. */
  const cache = new Map<string, Uint8Array>()
  const opened = new Map<string, Opened>()
  let cachedOctets = 0

  function recall(key: string): Uint8Array | undefined {
    const chunk = cache.get(key)
    if (chunk !== undefined) {
      cache.delete(key)
      cache.set(key, chunk)
    }
    return chunk
  }

  function remember(key: string, chunk: Uint8Array): void {
    cache.set(key, chunk)
    cachedOctets += chunk.length
    for (const [oldest, { length }] of cache) {
      if (cachedOctets <= cacheOctets) break
      cache.delete(oldest)
      cachedOctets -= length
    }
  }

  const countChunks = (octets: number) => Math.ceil(octets / chunkOctets)

  /** All chunks, when all are in memory: such a file needs no descriptor. */
  function recallWhole(identity: string, octets: number): Uint8Array[] | undefined {
    const chunks: Uint8Array[] = []
    for (let index = 0; index < countChunks(octets); index++) {
      const chunk = recall(`${identity}#${index}`)
      if (chunk === undefined) return undefined
      chunks.push(chunk)
    }
    return chunks
  }

  async function openFile(path: string): Promise<Opened> {
    // Non-blocking, because opening a pipe for reading would wait for its writer.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    let isKept = false
    try {
      const stats = regular(await handle.stat({ bigint: true }))
      const identity = identityOf(stats)
      const other = opened.get(identity)
      if (other !== undefined) return other
      const file = { handle, identity, octets: Number(stats.size), loading: new Map(), readers: 0 }
      opened.set(identity, file)
      isKept = true
      return file
    } finally {
      if (!isKept) await handle.close()
    }
  }

  async function load(file: Opened, index: number): Promise<Uint8Array> {
    const start = index * chunkOctets
    const chunk = new Uint8Array(Math.min(chunkOctets, file.octets - start))
    let filled = 0
    while (filled < chunk.length) {
      const { bytesRead } = await file.handle.read(chunk, filled, chunk.length - filled, start + filled)
      if (bytesRead === 0) throw changed()
      filled += bytesRead
    }
    if (identityOf(await file.handle.stat({ bigint: true })) !== file.identity) throw changed()
    remember(`${file.identity}#${index}`, chunk)
    return chunk
  }

  function read(file: Opened, index: number): Uint8Array | Promise<Uint8Array> {
    const cached = recall(`${file.identity}#${index}`)
    if (cached !== undefined) return cached
    const loading = file.loading.get(index)
    if (loading !== undefined) return loading
    const started = load(file, index)
      .catch((error: unknown) => {
        throw explain(error)
      })
      .finally(() => file.loading.delete(index))
    file.loading.set(index, started)
    return started
  }

  /** The last reader closes the descriptor, after chunks that are still being read. */
  function release(file: Opened): void {
    file.readers--
    if (file.readers > 0) return
    opened.delete(file.identity)
    void Promise.allSettled(file.loading.values()).then(() => file.handle.close())
  }

  return {
    async open(path) {
      try {
        const stats = regular(await stat(path, { bigint: true }))
        const identity = identityOf(stats)
        const whole = recallWhole(identity, Number(stats.size))
        if (whole !== undefined) return inMemory(whole, Number(stats.size))
        const file = opened.get(identity) ?? (await openFile(path))
        file.readers++
        return {
          octets: file.octets,
          chunkCount: countChunks(file.octets),
          chunk: (index) => read(file, index),
          close: () => release(file),
        }
      } catch (error) {
        throw explain(error)
      }
    },
  }
}

function inMemory(chunks: readonly Uint8Array[], octets: number): ServedFile {
  return {
    octets,
    chunkCount: chunks.length,
    chunk: (index) => chunks[index] as Uint8Array,
    close: () => undefined,
  }
}

function identityOf({ dev, ino, size, mtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}`
}

function regular(stats: BigIntStats): BigIntStats {
  if (!stats.isFile()) throw new CannotRead('not a regular file', ErrorCode.accessViolation)
  return stats
}

function changed(): CannotRead {
  return new CannotRead('the file was changed while it was sent', ErrorCode.notDefined)
}

const noSuchFile = ['no such file', ErrorCode.fileNotFound] as const
const noPermission = ['no permission to read the file', ErrorCode.accessViolation] as const
const known: Readonly<Record<string, readonly [message: string, code: number]>> = {
  ENOENT: noSuchFile,
  ENOTDIR: noSuchFile,
  EACCES: noPermission,
  EPERM: noPermission,
}

function explain(error: unknown): CannotRead {
  if (error instanceof CannotRead) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  const [text, tftpCode] = known[code] ?? [`the file cannot be read: ${message}`, ErrorCode.notDefined]
  return new CannotRead(text, tftpCode, { cause: error })
}
