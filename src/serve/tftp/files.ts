/**
 * The files that TFTP sends: shared by all transfers, cut into blocks for each, and the errors for files that cannot
 * be sent.
 */
import {
  createSharedFiles,
  UnusableFile,
  type SharedFile,
  type SharedFileLimits,
} from '../../host/shared-files.ts'
import { ErrorCode, encodeNetascii } from '../../proto/tftp/packet.ts'

export type ServedFile = Pick<SharedFile, 'octets' | 'chunkCount' | 'close'> & {
  /** Returns a chunk in memory immediately. Chunks are shared: read only. Rejects with {@link CannotRead}. */
  chunk(index: number): Uint8Array | Promise<Uint8Array>
}

export type Files = {
  /** @throws {CannotRead} when it does not exist, is not a regular file, or cannot be read */
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

/** The client does not have the address, or the MAC address, of the node whose file it requests. */
export class NotTheNode extends CannotRead {
  /** A sentence for the log; the client learns nothing about the node. */
  readonly reason: string

  constructor(reason: string) {
    super('this machine is not the node', ErrorCode.accessViolation)
    this.reason = reason
  }
}

/** Returns a text as a file. */
export function textFile(text: string | Uint8Array): ServedFile {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  return { octets: bytes.length, chunkCount: 1, chunk: () => bytes, close() {} }
}

/**
 * Enough for several versions of every loader. An initramfs needs no more memory, because only a part of it is cached.
 */
const defaultLimits: SharedFileLimits = { cacheOctets: 64 * 1024 * 1024, chunkOctets: 256 * 1024 }

export function createFiles(limits: SharedFileLimits = defaultLimits): Files {
  const files = createSharedFiles(limits)
  return {
    async open(path) {
      const file = await files.open(path).catch(refuse)
      return {
        octets: file.octets,
        chunkCount: file.chunkCount,
        chunk(index) {
          // Never released: a transfer needs it until its client can no longer request a block again.
          const chunk = file.take(index)
          return chunk instanceof Promise ? chunk.then(({ octets }) => octets, refuse) : chunk.octets
        },
        close: () => file.close(),
      }
    },
  }
}

const noSuchFile = ['no such file', ErrorCode.fileNotFound] as const
const noPermission = ['no permission to read the file', ErrorCode.accessViolation] as const
const known: Readonly<Record<string, readonly [message: string, code: number]>> = {
  ENOENT: noSuchFile,
  ENOTDIR: noSuchFile,
  EACCES: noPermission,
  EPERM: noPermission,
}

function refuse(error: unknown): never {
  if (error instanceof UnusableFile) {
    const code = error.code === 'NOT_REGULAR' ? ErrorCode.accessViolation : ErrorCode.notDefined
    throw new CannotRead(error.message, code, { cause: error })
  }
  const { code = '', message } = error as NodeJS.ErrnoException
  const [text, tftpCode] = known[code] ?? [`the file cannot be read: ${message}`, ErrorCode.notDefined]
  throw new CannotRead(text, tftpCode, { cause: error })
}

export type Blocks = {
  /**
   * Copies a block to `target` at `at`. Blocks before `oldest` are not requested again.
   *
   * @returns the length of the block, less than the block size for the last block; `undefined` while the file is
   * being read, after which `ready` is called
   */
  copy(block: number, oldest: number, target: Uint8Array, at: number): number | undefined
  /** Stops all callbacks. */
  close(): void
}

export type BlocksOptions = {
  readonly file: ServedFile
  readonly mode: 'octet' | 'netascii'
  readonly blockOctets: number
  readonly ready: () => void
  readonly failed: (error: Error) => void
}

export function cutIntoBlocks({ file, mode, blockOctets, ready, failed }: BlocksOptions): Blocks {
  /** Consecutive chunks after encoding (netascii makes them longer). */
  const held: Uint8Array[] = []
  /** Their start and end in the encoded file. */
  let start = 0
  let end = 0
  let nextChunk = 0
  let isLoading = false
  let isClosed = false

  function hold(chunk: Uint8Array): void {
    const encoded = mode === 'netascii' ? encodeNetascii(chunk) : chunk
    held.push(encoded)
    end += encoded.length
    nextChunk++
  }

  /** Takes the next chunk from memory, or starts reading it. */
  function advance(): void {
    const chunk = file.chunk(nextChunk)
    if (chunk instanceof Uint8Array) {
      hold(chunk)
      return
    }
    isLoading = true
    chunk.then(
      (loaded) => {
        isLoading = false
        if (isClosed) return
        hold(loaded)
        ready()
      },
      (error: unknown) => {
        if (!isClosed) failed(error as Error)
      },
    )
  }

  function isHeldTo(offset: number): boolean {
    while (end < offset && nextChunk < file.chunkCount && !isLoading) advance()
    return end >= offset || nextChunk >= file.chunkCount
  }

  function dropBefore(offset: number): void {
    for (let first = held[0]; first !== undefined && start + first.length <= offset; first = held[0]) {
      start += first.length
      held.shift()
    }
  }

  return {
    copy(block, oldest, target, at) {
      const from = (block - 1) * blockOctets
      if (!isHeldTo(from + blockOctets)) return undefined
      dropBefore((oldest - 1) * blockOctets)
      const to = Math.min(from + blockOctets, end)
      let chunkStart = start
      for (const chunk of held) {
        const chunkEnd = chunkStart + chunk.length
        if (chunkEnd > from && chunkStart < to) {
          const first = Math.max(from, chunkStart)
          target.set(
            chunk.subarray(first - chunkStart, Math.min(to, chunkEnd) - chunkStart),
            at + first - from,
          )
        }
        chunkStart = chunkEnd
      }
      // Read ahead: the chunk after the one in which this block ends.
      const last = held.at(-1)
      if (last !== undefined && to > end - last.length) isHeldTo(end + 1)
      return Math.max(0, to - from)
    },
    close() {
      isClosed = true
    },
  }
}
