/** The transfer mode `netascii`: line ends as in the Telnet protocol (RFC 764, RFC 1350 §1). */

const lineFeed = 0x0a
const carriageReturn = 0x0d

/**
 * Replaces LF by CR LF and CR by CR NUL. Each octet is translated independently, so a file can be split into
 * chunks anywhere before, and into blocks anywhere after the translation.
 *
 * @returns the chunk itself when it needs no translation
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
