/** The transfer mode `netascii`: text lines as the Telnet protocol ends them (RFC 764, RFC 1350 §1). */

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Turns LF into CR LF and CR into CR NUL. Every octet is translated by itself, so a file may be cut
 * into chunks anywhere before and into blocks anywhere after.
 *
 * @returns the chunk itself when nothing in it needs translating
 */
export function encodeNetascii(chunk: Uint8Array): Uint8Array {
  let extra = 0
  for (const octet of chunk) if (octet === lineFeed || octet === carriageReturn) extra++
  if (extra === 0) return chunk
  const text = new Uint8Array(chunk.length + extra)
  let at = 0
  for (const octet of chunk) {
    if (octet === lineFeed) text[at++] = carriageReturn
    text[at++] = octet
    if (octet === carriageReturn) text[at++] = 0
  }
  return text
}
