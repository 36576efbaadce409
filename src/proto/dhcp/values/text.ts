/** Option values that are text. */
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

/** A client's text as it may be shown to people: short, and nothing that a terminal would obey. */
export function printable(text: string): string {
  return text.slice(0, longestShown).replace(/[^\x20-\x7e]/g, '?')
}

const longestShown = 128
