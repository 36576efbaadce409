/** Messages on a stream: each after its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8). */

/** Cuts a stream into messages, however its octets arrive. */
export type FrameReader = {
  /** Takes the next octets of the stream and returns the messages that they complete; all are copies. */
  push(chunk: Uint8Array): Uint8Array[]
}

/** Holds no more than the one message that is not whole yet, at the size that its length announced. */
export function createFrameReader(): FrameReader {
  let high: number | undefined // the length's first octet, when the second is not there yet
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

/** The message after its length, to be written at once (RFC 7766 §8). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(2 + message.length)
  framed[0] = message.length >>> 8
  framed[1] = message.length
  framed.set(message, 2)
  return framed
}
