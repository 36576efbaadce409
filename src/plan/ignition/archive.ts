/**
 * An initramfs with one file, in the format newc (https://www.kernel.org/doc/html/latest/driver-api/early-userspace/buffer-format.html).
 * A live system reads `config.ign` in it, as `coreos-installer pxe ignition wrap` writes it. Pure.
 */

/** The name that the live system reads. */
export const archivedIgnition = 'config.ign'

const regularFile = 0o100600

/** Returns the archive, uncompressed: its length is a multiple of 4 bytes. */
export function archiveFile(name: string, content: Uint8Array): Uint8Array {
  return join([...entry(name, regularFile, content), ...entry('TRAILER!!!', 0, new Uint8Array())])
}

function entry(name: string, mode: number, content: Uint8Array): Uint8Array[] {
  const nameOctets = new TextEncoder().encode(`${name}\0`)
  const [inode, links] = mode === 0 ? [0, 1] : [1, 1]
  // Inode, mode, user, group, links, time, size, four device numbers, length of the name, checksum.
  const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, nameOctets.length, 0]
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`
  return [padded(join([new TextEncoder().encode(header), nameOctets])), padded(content)]
}

function padded(octets: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(octets.length / 4) * 4)
  whole.set(octets)
  return whole
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
