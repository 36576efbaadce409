/**
 * The clients that read image files. A reader holds chunks of the file until it has read them, so slow readers would
 * hold memory without bound: when they hold more than the budget, the unknown reader without progress for the longest
 * time is disconnected. Declared nodes have no budget, but a maximum of concurrent readers each.
 */

export type Reader = {
  readonly address: string
  /** Whether it is a declared node or this machine. */
  readonly isKnown: boolean
  /** Releases its chunks at once and closes the connection. */
  close(): void
}

export type ReaderHandle = {
  /** Marks that the reader read something. */
  readonly progress: () => void
  /** Enforces the budget: call it after the reader got a chunk. */
  readonly held: () => void
  readonly end: () => void
}

export type Readers = { add(reader: Reader): ReaderHandle; size(): number }

export type ReaderLimits = {
  /** Bytes that readers hold beside the cache. */
  readonly heldBytes: number
  readonly perKnownClient: number
}

export const defaultReaderLimits: ReaderLimits = { heldBytes: 96 * 1024 * 1024, perKnownClient: 8 }

export function createReaders(options: {
  readonly limits: ReaderLimits
  /** Returns the bytes of all held chunks. */
  readonly heldBytes: () => number
  readonly onClosed: (reader: Reader) => void
}): Readers {
  const { limits, heldBytes, onClosed } = options
  /** Without progress for the longest time first. */
  const known = new Set<Reader>()
  const unknown = new Set<Reader>()

  function close(reader: Reader): void {
    known.delete(reader)
    unknown.delete(reader)
    onClosed(reader)
    reader.close()
  }

  return {
    size: () => known.size + unknown.size,
    add(reader) {
      const group = reader.isKnown ? known : unknown
      if (reader.isKnown) {
        const own = [...known].filter(({ address }) => address === reader.address)
        if (own.length >= limits.perKnownClient) close(own[0] as Reader)
      }
      group.add(reader)
      return {
        progress() {
          if (!group.delete(reader)) return
          group.add(reader)
        },
        held() {
          for (const slowest of unknown) {
            if (heldBytes() <= limits.heldBytes) return
            close(slowest)
          }
        },
        end: () => void group.delete(reader),
      }
    },
  }
}
