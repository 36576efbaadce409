/** Domain names: text to octets and back, lower case and hashes for lookup (RFC 1035 §3.1, RFC 4343). */
import { Packet } from 'dns2'

/** RFC 1035 §2.3.4: a name with its length octets and the root label. */
export const longestNameOctets = 255
export const longestLabelOctets = 63

/** A, B, … Z become a, b, … z; length octets are at most 63 and so stay what they are. */
export const lowerOctet = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
)

/** FNV-1a, 32 bits; names are hashed from the last octet to the first, so one pass hashes every ancestor. */
export const hashStart = 0x811c9dc5 | 0
export const hashPrime = 0x01000193

/** The uncompressed octets of a name written without its last dot; `''` is the root. */
export function encodeName(name: string): Uint8Array {
  return Uint8Array.from(Packet.Name.encode(name))
}

/** The hash of a lower-case name that ends with the root label: what {@link readQuestion} computes while it reads. */
export function hashName(octets: Uint8Array): number {
  let hash = hashStart
  for (let at = octets.length - 2; at >= 0; at--) hash = Math.imul(hash ^ (octets[at] as number), hashPrime)
  return hash
}

/**
 * An uncompressed name as text, the spelling of its letters kept. Dots, backslashes and what does not print
 * are escaped as in zone files (RFC 1035 §5.1); the root is `.`.
 *
 * @param at the offset of the name, which a decoder has accepted before
 */
export function formatName(octets: Uint8Array, at: number): string {
  let text = ''
  let offset = at
  for (let length = octets[offset] as number; length > 0; length = octets[offset] as number) {
    if (offset > at) text += '.'
    for (const octet of octets.subarray(offset + 1, offset + 1 + length)) text += formatOctet(octet)
    offset += 1 + length
  }
  return offset === at ? '.' : text
}

function formatOctet(octet: number): string {
  if (octet <= 0x20 || octet >= 0x7f) return `\\${String(octet).padStart(3, '0')}`
  const character = String.fromCharCode(octet)
  return character === '.' || character === '\\' ? `\\${character}` : character
}
