/** Checks a request packet: the normalized file name, or an ERROR and its reason. Pure. */
import { ErrorCode, type TftpOptions, type TftpRequest } from '../../proto/tftp/packet.ts'
import type { TftpCode } from './codes.ts'

export type ReadRequest = {
  readonly kind: 'read'
  /** From {@link readName}. */
  readonly name: string
  readonly mode: 'octet' | 'netascii'
  readonly options: TftpOptions
}

export type RequestCheck =
  | ReadRequest
  /** `message` goes to the client in an ERROR with `errorCode`, and to the log as the reason. */
  | {
      readonly kind: 'refuse'
      readonly code: TftpCode
      readonly errorCode: number
      readonly message: string
    }

/** @param busy why no transfer can start now; `undefined` when one can */
export function checkRequest(
  { kind, file, mode, options, problem }: TftpRequest,
  busy: string | undefined,
): RequestCheck {
  if (problem !== undefined) return refuse('tftp.malformed', ErrorCode.illegalOperation, problem)
  if (kind === 'wrq') return refuse('tftp.read-only', ErrorCode.accessViolation, 'files are read-only')
  // RFC 1350 §1: mode mail "should not be implemented or used".
  if (mode !== 'octet' && mode !== 'netascii') {
    const message = 'only the modes octet and netascii are supported'
    return refuse('tftp.unsupported-mode', ErrorCode.illegalOperation, message)
  }
  const reading = readName(file)
  if (reading.kind === 'refused') {
    return refuse('tftp.invalid-name', ErrorCode.accessViolation, reading.reason)
  }
  if (busy !== undefined) return refuse('tftp.too-many-transfers', ErrorCode.notDefined, busy)
  return { kind: 'read', name: reading.name, mode, options }
}

function refuse(code: TftpCode, errorCode: number, message: string): RequestCheck {
  return { kind: 'refuse', code, errorCode, message }
}

/** Returns a key of the request: the same key from the same client is a retransmission. */
export function requestText({ kind, file, mode, options }: TftpRequest): string {
  return [kind, file, mode, ...[...options].flat()].join('\0')
}

export type NameReading =
  | { readonly kind: 'name'; readonly name: string }
  /** `reason` goes to the client and to the log. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Normalizes a requested name to a relative path of components joined by `/`. Firmware and Windows tools add a
 * leading slash, backslashes, and `.`, which are removed.
 *
 * Some UEFI firmware reads option 67 up to the next zero octet, so that DHCP's END option, 0xff, follows the name
 * (Lenovo T460 and others, netboot.xyz issue 1198, fixture lenovo-t460). 0xff is not UTF-8, so no valid name has it.
 */
export function readName(requested: string): NameReading {
  const text = requested.replace(/\ufffd+$/, '')
  // eslint-disable-next-line no-control-regex -- finds control characters
  if (/[\u0000-\u001f\u007f]/.test(text)) return refused('the name contains a control character')
  const parts = text.split(/[/\\]+/).filter((part) => part !== '' && part !== '.')
  if (parts.length === 0) return refused('the name is empty')
  if (parts.includes('..')) return refused('the name leads out of the served directory')
  if (parts.some((part) => part.startsWith('.'))) return refused('hidden files are not served')
  return { kind: 'name', name: parts.join('/') }
}

function refused(reason: string): NameReading {
  return { kind: 'refused', reason }
}

/** Returns the plan's entry for a name, ignoring case: firmware also requests loaders as `IPXE.EFI`. */
export function findNamed(entries: ReadonlyMap<string, string>, name: string): string | undefined {
  const lower = name.toLowerCase()
  for (const [known, entry] of entries) if (known.toLowerCase() === lower) return entry
  return undefined
}

/** Returns up to five similar names: the same base name in another directory, or one name containing the other. */
export function similarNames(name: string, names: Iterable<string>): string[] {
  const wanted = stem(name)
  const similar = [...names].filter((known) => {
    const candidate = stem(known)
    return candidate.includes(wanted) || wanted.includes(candidate)
  })
  return similar.slice(0, 5)
}

/** Returns the lower-case base name without extensions: `efi/iPXE.efi` becomes `ipxe`. */
function stem(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1).toLowerCase()
  const dot = base.indexOf('.')
  return dot > 0 ? base.slice(0, dot) : base
}
