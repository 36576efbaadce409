/** Option values that are text, and the client machine identifier (option 97, RFC 4578 §2.3). */
import { printableAscii } from '../../../text/printable.ts'
import { checkedValue, type DhcpOption } from '../option.ts'

/**
 * Returns the text of an option, one character per octet (Latin-1), unfiltered. RFC 2132 §2: senders
 * should not append NULs, and receivers must remove them.
 *
 * @throws {MalformedPacket} when the option has a type with a fixed length; never for text
 */
export function textOf(option: DhcpOption): string {
  return latin1(checkedValue(option)).replace(/\0+$/, '')
}

/** @param text ASCII only: names, paths, and our own messages */
export function encodeText(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

export function latin1(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += String.fromCharCode(octet)
  return text
}

/** Returns a client's text in a form that is safe for logs and terminals: short, and printable ASCII only. */
export function shownText(text: string): string {
  return printableAscii(text, maxShownLength)
}

const maxShownLength = 128

/** Indexes of the octets on the wire, in the order of the text. */
const textOrder = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]] as const // prettier-ignore

/**
 * Formats option 97 as the machine's label, its BMC, and `dmidecode` show it. On the wire the first three fields
 * are little-endian, as in SMBIOS since 2.6 (captures of OVMF and iPXE: `44454c4c` for `4c4c4544`).
 *
 * @returns `undefined` for other types of identifier, and for the UUIDs that mean "not set" (all zeros, all ones)
 */
export function formatUuid(value: Uint8Array): string | undefined {
  if (value.length !== 17 || value[0] !== 0) return undefined
  const uuid = value.subarray(1)
  if (uuid.every((octet) => octet === uuid[0]) && (uuid[0] === 0 || uuid[0] === 255)) return undefined
  return textOrder
    .map((field) => field.map((at) => (uuid[at] as number).toString(16).padStart(2, '0')).join(''))
    .join('-')
}
