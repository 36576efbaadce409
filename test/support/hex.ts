/** Packets as hexadecimal text with comments, as in test/fixtures. */
import { readFileSync } from 'node:fs'

/** Decodes hexadecimal digits. Ignores white space and comments after `#`. */
export function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/#.*|\s+/g, '')
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

/** @param name below test/fixtures, without `.hex` */
export function hexFixture(name: string): Uint8Array {
  return hex(readFileSync(new URL(`../fixtures/${name}.hex`, import.meta.url), 'utf8'))
}
