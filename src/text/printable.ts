/** Foreign text made safe: no character that moves the cursor of a terminal or breaks a line of a log. Pure. */
import { clip } from './lines.ts'

/** C1 controls, characters that change the direction of text or have no width, and line separators. */
const invisible = '\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff'
const unprintable = new RegExp(`[\\x00-\\x1f${invisible}]`, 'g')
const unprintableInJson = new RegExp(`[${invisible}]`, 'g')

/**
 * For terminals: replaces control characters, and characters that change the direction of text, with `replacement`. The
 * length stays the same.
 */
export function printable(text: string, replacement = '?'): string {
  return text.replaceAll(unprintable, replacement)
}

/** Returns the text in double quotes, at most `maxLength` characters of it, with everything unprintable escaped. */
export function quoteText(text: string, maxLength = 80): string {
  return JSON.stringify(clip(text, maxLength)).replaceAll(
    unprintableInJson,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** For logs, packets, and iPXE: shortens to `maxLength` characters and replaces all but printable ASCII with `?`. */
export function printableAscii(text: string, maxLength = Infinity): string {
  return text.slice(0, maxLength).replaceAll(/[^\x20-\x7e]/g, '?')
}
