/** What a request packet deserves: a file, or which ERROR and why. Pure. */
import { ErrorCode, type TftpOptions, type TftpRequest } from '../../proto/tftp/packet.ts'
import { readName } from './name.ts'

export type ReadRequest = {
  readonly kind: 'read'
  /** As {@link readName} gives it. */
  readonly name: string
  readonly mode: 'octet' | 'netascii'
  readonly options: TftpOptions
}

export type Judgement =
  | ReadRequest
  /** `message` goes to the client and, as the reason, to the log. */
  | { readonly kind: 'refuse'; readonly code: number; readonly message: string }

/** @param busy why no transfer may begin now; `undefined` when one may */
export function judgeRequest(
  { kind, file, mode, options }: TftpRequest,
  busy: string | undefined,
): Judgement {
  if (kind === 'wrq') return refuse(ErrorCode.accessViolation, 'files are only read here')
  // RFC 1350 §1: mode mail "should not be implemented or used".
  if (mode !== 'octet' && mode !== 'netascii') {
    return refuse(ErrorCode.illegalOperation, 'only the modes octet and netascii are served')
  }
  const reading = readName(file)
  if (reading.kind === 'refused') return refuse(ErrorCode.accessViolation, reading.reason)
  if (busy !== undefined) return refuse(ErrorCode.notDefined, busy)
  return { kind: 'read', name: reading.name, mode, options }
}

function refuse(code: number, message: string): Judgement {
  return { kind: 'refuse', code, message }
}

/** Two requests of one client with the same text are one request that was sent again. */
export function requestText({ kind, file, mode, options }: TftpRequest): string {
  return [kind, file, mode, ...[...options].flat()].join('\0')
}
