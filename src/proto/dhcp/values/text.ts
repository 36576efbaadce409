/** Option values that are text. */
import { printableAscii } from '../../../text/printable.ts'
import { checkedValue, type DhcpOption } from '../option.ts'

/**
 * The text of an option, one character per octet (Latin-1), whatever a client put there. RFC 2132 §2: senders
 * should not end it with NULs and receivers must take them off.
 *
 * @throws {MalformedPacket} never for types of any length, as text is
 */
export function textOf(option: DhcpOption): string {
  return latin1(checkedValue(option)).replace(/\0+$/, '')
}

/** @param text ASCII: names, paths and sentences of our own */
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
  return printableAscii(text, longestShown)
}

const longestShown = 128

/** The client machine identifier (option 97, RFC 4578 §2.3): a type octet, and a UUID where that is 0. */

/** Of the octets on the wire, in the order of the text. */
const textOrder = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]] as const // prettier-ignore

/**
 * As the machine's label, its BMC and `dmidecode` show it. On the wire its first three fields have their least
 * significant octet first, as in SMBIOS since 2.6 (captures of OVMF and iPXE: `44454c4c` for `4c4c4544`).
 *
 * @returns nothing for another kind of identifier, and for the UUIDs that stand for none (all zeros, all ones)
 */
export function formatUuid(value: Uint8Array): string | undefined {
  if (value.length !== 17 || value[0] !== 0) return undefined
  const uuid = value.subarray(1)
  if (uuid.every((octet) => octet === uuid[0]) && (uuid[0] === 0 || uuid[0] === 255)) return undefined
  return textOrder
    .map((field) => field.map((at) => (uuid[at] as number).toString(16).padStart(2, '0')).join(''))
    .join('-')
}
