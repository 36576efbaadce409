/** Reads a stream in pieces of the size that the reader requests, whatever the size of its chunks. */

export type OctetReader = {
  /** Returns exactly `octets` bytes, or `undefined` at the end of the stream. @throws {RangeError} when fewer are left */
  take(octets: number): Promise<Uint8Array | undefined>
  /** Passes `octets` bytes to `sink`, in views that are valid until it resolves. @throws {RangeError} when fewer are left */
  pass(octets: number, sink: (piece: Uint8Array) => Promise<void> | void): Promise<void>
}

export function octetReader(source: AsyncIterable<Uint8Array>): OctetReader {
  const chunks = source[Symbol.asyncIterator]()
  let rest: Uint8Array = new Uint8Array(0)

  /** Returns between 1 and `max` bytes; `undefined` at the end. */
  const some = async (max: number): Promise<Uint8Array | undefined> => {
    while (rest.length === 0) {
      const next = await chunks.next()
      if (next.done === true) return undefined
      rest = next.value
    }
    const piece = rest.subarray(0, max)
    rest = rest.subarray(piece.length)
    return piece
  }
  const ended = (missing: number) => new RangeError(`the stream ends ${missing} bytes too early`)

  return {
    async take(octets) {
      const whole = new Uint8Array(octets)
      let at = 0
      while (at < octets) {
        const piece = await some(octets - at)
        if (piece === undefined) {
          if (at === 0) return undefined
          throw ended(octets - at)
        }
        whole.set(piece, at)
        at += piece.length
      }
      return whole
    },
    async pass(octets, sink) {
      let left = octets
      while (left > 0) {
        const piece = await some(left)
        if (piece === undefined) throw ended(left)
        left -= piece.length
        await sink(piece)
      }
    },
  }
}
