/** Domain names: conversion between text and octets, lower case, and hashes for lookup (RFC 1035 §3.1, RFC 4343). */

/** RFC 1035 §2.3.4: includes length octets and the root label. */
export const maxNameOctets = 255
export const maxLabelOctets = 63

/** Maps A to Z to a to z. Length octets are at most 63 and do not change. */
export const lowerOctet = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet,
)

/** FNV-1a, 32 bits. Names are hashed from the last octet to the first, so one pass hashes every ancestor. */
export const hashStart = 0x811c9dc5 | 0
export const hashPrime = 0x01000193

/**
 * Encodes an ASCII name without compression; the name has no last dot, and `''` is the root.
 *
 * @throws {RangeError} for a label that is empty or too long
 */
export function encodeName(name: string): Uint8Array {
  if (name === '') return Uint8Array.of(0)
  const octets = new Uint8Array(name.length + 2)
  let start = 0
  for (const label of name.split('.')) {
    if (label.length === 0 || label.length > maxLabelOctets)
      throw new RangeError(`${name}: expected labels of 1 to ${maxLabelOctets} characters`)
    octets[start] = label.length
    for (let at = 0; at < label.length; at++) octets[start + 1 + at] = label.charCodeAt(at)
    start += label.length + 1
  }
  return octets
}

/** Returns the hash that {@link readQuestion} computes, for a lower-case name that ends with the root label. */
export function hashName(octets: Uint8Array): number {
  let hash = hashStart
  for (let at = octets.length - 2; at >= 0; at--) hash = Math.imul(hash ^ (octets[at] as number), hashPrime)
  return hash
}

/**
 * Formats an uncompressed name as text and keeps the case of its letters. Dots, backslashes, and characters that
 * are not printable are escaped as in zone files (RFC 1035 §5.1); the root is `.`.
 *
 * @param at the offset of a name that a decoder has accepted
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
