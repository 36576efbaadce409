/** What a request packet deserves: a file, or which ERROR and why. Pure. */
import { ErrorCode, type TftpOptions, type TftpRequest } from '../../proto/tftp/packet.ts'

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

/** File names as firmware writes them, made safe and comparable; which names are like a name that is not there. */

export type NameReading =
  | { readonly kind: 'name'; readonly name: string }
  /** `reason` is told to the client and the log. */
  | { readonly kind: 'refused'; readonly reason: string }

/**
 * Reads a requested name as a path of plain components joined by `/`, relative to what is served: a leading
 * slash, backslashes and `.` are what firmware and Windows habits add, and mean nothing.
 *
 * Some UEFI firmware reads option 67 on to the next zero octet, so 0xff, DHCP's end option, follows the name
 * (Lenovo T460 and others, netboot.xyz issue 1198, fixture lenovo-t460). It is no UTF-8, so no name is lost.
 */
export function readName(requested: string): NameReading {
  const text = requested.replace(/\ufffd+$/, '')
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return refused('the name holds a control character')
  const parts = text.split(/[/\\]+/).filter((part) => part !== '' && part !== '.')
  if (parts.length === 0) return refused('the name is empty')
  if (parts.includes('..')) return refused('the name leads out of the served files')
  if (parts.some((part) => part.startsWith('.'))) return refused('hidden files are not served')
  return { kind: 'name', name: parts.join('/') }
}

function refused(reason: string): NameReading {
  return { kind: 'refused', reason }
}

/** What the plan says of a name, whatever the case of its letters: a loader is asked for as `IPXE.EFI` too. */
export function findNamed(entries: ReadonlyMap<string, string>, name: string): string | undefined {
  const lower = name.toLowerCase()
  for (const [known, entry] of entries) if (known.toLowerCase() === lower) return entry
  return undefined
}

/** Up to five of `names` that the asker may have meant: the same base name elsewhere, or one holding the other. */
export function similarNames(name: string, names: Iterable<string>): string[] {
  const wanted = stem(name)
  const similar = [...names].filter((known) => {
    const candidate = stem(known)
    return candidate.includes(wanted) || wanted.includes(candidate)
  })
  return similar.slice(0, 5)
}

/** `efi/iPXE.efi` -> `ipxe` */
function stem(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1).toLowerCase()
  const dot = base.indexOf('.')
  return dot > 0 ? base.slice(0, dot) : base
}
