/** Octets as a URL of their own (RFC 2397), in base64 (RFC 4648 §4). */

/** As many as a function takes arguments. */
const chunkOctets = 8192

export function dataUrl(octets: Uint8Array): string {
  let characters = ''
  for (let at = 0; at < octets.length; at += chunkOctets) {
    characters += String.fromCharCode(...octets.subarray(at, at + chunkOctets))
  }
  return `data:;base64,${btoa(characters)}`
}
