/** A stream of octets as the lines of a watch: one JSON text each, of bounded length. Pure. */

/** What an event may be at most; etcd keeps no object above 1.5 MiB, and JSON of one may be some larger. */
const mostLineOctets = 8 * 1024 * 1024

const newline = 0x0a

/** The server sends what no watch is made of. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
}

/**
 * Takes chunks as they arrive and returns the lines that each completes. Cuts at octets, so a character
 * that two chunks share stays whole; empty lines are passed over.
 *
 * @returns a function of a chunk. @throws {LineTooLong}
 */
export function lineSplitter(mostOctets = mostLineOctets): (chunk: Uint8Array) => string[] {
  let begun: Uint8Array[] = []
  let begunOctets = 0

  const decode = (last: Uint8Array): string => {
    const decoder = new TextDecoder()
    const text = begun.map((part) => decoder.decode(part, { stream: true })).join('') + decoder.decode(last)
    begun = []
    begunOctets = 0
    return text
  }

  return (chunk) => {
    const lines: string[] = []
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      if (begunOctets + at - from > mostOctets) throw tooLong(mostOctets)
      const line = decode(chunk.subarray(from, at)).trim()
      if (line !== '') lines.push(line)
      from = at + 1
    }
    const rest = chunk.subarray(from)
    begunOctets += rest.length
    if (begunOctets > mostOctets) throw tooLong(mostOctets)
    if (rest.length > 0) begun.push(rest)
    return lines
  }
}

function tooLong(mostOctets: number): LineTooLong {
  return new LineTooLong(`it sent a line of more than ${mostOctets} octets`)
}
