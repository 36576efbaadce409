/** The files that TFTP sends, shared by all transfers, and what to tell a client about one that cannot be sent. */
import {
  createSharedFiles,
  UnusableFile,
  type SharedFile,
  type SharedFileLimits,
} from '../../host/shared-files.ts'
import { ErrorCode } from '../../proto/tftp/packet.ts'

export type ServedFile = Pick<SharedFile, 'octets' | 'chunkCount' | 'close'> & {
  /** At once when it is in memory. The chunk is shared: read only. Rejects with {@link CannotRead}. */
  chunk(index: number): Uint8Array | Promise<Uint8Array>
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

/** Several generations of every loader; an initramfs passes through without needing more. */
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
          // Never released: a transfer looks at it for as long as its client may want a block again.
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
