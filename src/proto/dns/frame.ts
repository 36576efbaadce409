/** DNS messages on a TCP stream, each prefixed by a 16-bit length (RFC 1035 §4.2.2, RFC 7766 §8). */

/** Splits a stream into messages. */
export type FrameReader = {
  /** Reads the next octets of the stream and returns copies of the messages that they complete. */
  push(chunk: Uint8Array): Uint8Array[]
}

/** Buffers at most one incomplete message, of the announced length. */
export function createFrameReader(): FrameReader {
  let high: number | undefined // the first octet of the length, until the second arrives
  let message: Uint8Array | undefined
  let filled = 0
  return {
    push(chunk) {
      const messages: Uint8Array[] = []
      let at = 0
      while (at < chunk.length) {
        if (message === undefined) {
          const octet = chunk[at++] as number
          if (high === undefined) {
            high = octet
            continue
          }
          message = new Uint8Array((high << 8) | octet)
          high = undefined
          filled = 0
        }
        const part = chunk.subarray(at, at + message.length - filled)
        message.set(part, filled)
        filled += part.length
        at += part.length
        if (filled < message.length) break
        messages.push(message)
        message = undefined
      }
      return messages
    },
  }
}

/** Returns the message with its length prefix, to be sent in one write (RFC 7766 §8). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(2 + message.length)
  framed[0] = message.length >>> 8
  framed[1] = message.length
  framed.set(message, 2)
  return framed
}
