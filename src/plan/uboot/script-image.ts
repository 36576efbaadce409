/** Wraps a script in the legacy image format of U-Boot (include/image.h), which `source` requires. Pure. */

const magic = 0x27051956
const headerBytes = 64
/** At the end of the header: Linux, no architecture, a script, not compressed. */
const kinds = [5, 0, 6, 0]

/** @param text ASCII only */
export function scriptImage(text: string): Uint8Array {
  const script = Buffer.from(text, 'latin1')
  // A list of the lengths of the contained files, which ends with 0.
  const data = Buffer.alloc(8 + script.length)
  data.writeUInt32BE(script.length, 0)
  data.set(script, 8)
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32BE(magic, 0)
  header.writeUInt32BE(data.length, 12)
  header.writeUInt32BE(crc32(data), 24)
  header.set(kinds, 28)
  header.write('slipway', 32, 'latin1')
  // Computed over the header with 0 in its place.
  header.writeUInt32BE(crc32(header), 4)
  return Buffer.concat([header, data])
}

/** CRC-32 of IEEE 802.3, as zlib computes it. */
function crc32(bytes: Uint8Array): number {
  let sum = 0xffffffff
  for (const byte of bytes) {
    sum ^= byte
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0)
  }
  return (sum ^ 0xffffffff) >>> 0
}
