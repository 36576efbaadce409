/** Splits the data of a record in presentation format into words, and resolves their escapes (RFC 1035 §5.1). */

export type Word = {
  /** As it is written, without quotes. */
  readonly text: string
  /** With escapes resolved. */
  readonly octets: Uint8Array
}

/** @throws {RangeError} for a quote without an end, a wrong escape, and characters that end a record */
export function presentationWords(text: string): Word[] {
  const words: Word[] = []
  let rest = text.trim()
  while (rest !== '') {
    const [whole, quoted, bare = ''] =
      /^(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"();\\]|\\.)*="(?:[^"\\]|\\.)*"|(?:[^\s"();\\]|\\.)+))(?=\s|$)/s.exec(
        rest,
      ) ?? []
    if (whole === undefined)
      throw new RangeError(`expected words, or text in quotes, at ${rest.slice(0, 20)}`)
    const word = quoted ?? bare
    words.push({ text: word, octets: unescaped(word) })
    rest = rest.slice(whole.length).trim()
  }
  return words
}

function unescaped(text: string): Uint8Array {
  const octets: number[] = []
  for (const [, digits, escaped, plain] of text.matchAll(/\\(\d{3})|\\(.)|([^\\]+)/gsu)) {
    if (digits !== undefined) {
      if (Number(digits) > 255) throw new RangeError(`expected an octet after the backslash, got ${digits}`)
      octets.push(Number(digits))
    } else octets.push(...Buffer.from(escaped ?? (plain as string)))
  }
  return Uint8Array.from(octets)
}

/** Returns text in quotes; escapes what would end it, and what is not printable ASCII. */
export function quotedText(octets: Uint8Array): string {
  const characters = Array.from(octets, (octet) => {
    if (octet < 0x20 || octet > 0x7e) return `\\${String(octet).padStart(3, '0')}`
    const character = String.fromCharCode(octet)
    return character === '"' || character === '\\' ? `\\${character}` : character
  })
  return `"${characters.join('')}"`
}
