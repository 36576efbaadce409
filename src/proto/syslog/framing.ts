/** Splits a TCP stream into syslog messages: octet counting, or one message on each line (RFC 6587 §3.4). */

export type SyslogFraming = {
  /** @returns the complete messages; the last bytes are kept for the next chunk */
  feed(chunk: Uint8Array): Uint8Array[]
  /** @returns the last line of a stream that ends without a newline */
  end(): Uint8Array | undefined
}

const newline = 10
const empty = new Uint8Array(0)

/** @param maxOctets of a message: the rest of a longer one is dropped */
export function createFraming(maxOctets: number): SyslogFraming {
  let rest = empty
  /** Octets of a message that is too long, which must still be skipped. */
  let skipped = 0
  let isSkippingLine = false

  /** @returns a message, or nothing if it is not complete */
  function next(): Uint8Array | undefined {
    const counted = countedLength(rest)
    if (counted !== undefined) {
      const { start, length } = counted
      const kept = Math.min(length, maxOctets)
      if (rest.length < start + kept) return undefined
      const message = rest.subarray(start, start + kept)
      rest = rest.subarray(start + kept)
      skipped = length - kept
      return message
    }
    const end = rest.indexOf(newline)
    if (end === -1 && rest.length <= maxOctets) return undefined
    const message = rest.subarray(0, Math.min(end === -1 ? rest.length : end, maxOctets))
    isSkippingLine = end === -1
    rest = end === -1 ? empty : rest.subarray(end + 1)
    return message
  }

  function skip(): void {
    const count = Math.min(skipped, rest.length)
    skipped -= count
    rest = rest.subarray(count)
    if (!isSkippingLine) return
    const end = rest.indexOf(newline)
    isSkippingLine = end === -1
    rest = end === -1 ? empty : rest.subarray(end + 1)
  }

  return {
    feed(chunk) {
      // A copy, because the message is read after the buffer of the socket is used again.
      rest = Uint8Array.from(Buffer.concat([rest, chunk]))
      const messages: Uint8Array[] = []
      skip()
      for (let found = next(); found !== undefined; found = next()) {
        if (found.length > 0) messages.push(found)
        skip()
      }
      return messages
    },
    end() {
      const last = rest
      rest = empty
      return last.length > 0 ? last : undefined
    },
  }
}

/** RFC 6587 §3.4.1: `MSG-LEN SP SYSLOG-MSG`, and each message starts with `<`. */
function countedLength(octets: Uint8Array): { readonly start: number; readonly length: number } | undefined {
  const [digits, number] = /^([1-9]\d{0,6}) </.exec(String.fromCharCode(...octets.subarray(0, 9))) ?? []
  return number === undefined || digits === undefined
    ? undefined
    : { start: number.length + 1, length: Number(number) }
}
