/** The files that TFTP sends, shared by all transfers, and the errors for files that cannot be sent. */
import {
  createSharedFiles,
  UnusableFile,
  type SharedFile,
  type SharedFileLimits,
} from '../../host/shared-files.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'

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

/** Enough for several versions of every loader; an initramfs is sent without more memory. */
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
