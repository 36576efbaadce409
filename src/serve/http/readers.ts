/**
 * The clients that read image files, with a budget of memory. A reader holds chunks of the file until it has read them, so
 * slow readers would hold memory without bound: when they hold more than the budget, the unknown reader without progress
 * for the longest time is disconnected. Declared nodes have no budget, but a maximum of concurrent readers each. Unknown
 * clients also have a maximum, so that their reads do not fill the queue of the file system.
 */
import type { Clock } from '../../host/clock.ts'

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

export type Readers = {
  /** @returns nothing when the client, or all unknown clients together, have their maximum number of readers */
  add(reader: Reader): ReaderHandle | undefined
  size(): number
}

export type ReaderLimits = {
  /** Bytes that readers hold beside the cache. */
  readonly heldBytes: number
  readonly perKnownClient: number
  readonly perUnknownClient: number
  /** All unknown clients together. A reader without progress for `stalledMs` is disconnected in favor of a new one. */
  readonly unknown: number
  readonly stalledMs: number
}

export const defaultReaderLimits: ReaderLimits = {
  heldBytes: 96 * 1024 * 1024,
  perKnownClient: 8,
  // Several nodes behind NAT have one undeclared address.
  perUnknownClient: 16,
  unknown: 96,
  stalledMs: 2000,
}

export function createReaders(options: {
  readonly limits: ReaderLimits
  /** Returns the bytes of all held chunks. */
  readonly heldBytes: () => number
  readonly onClosed: (reader: Reader) => void
  readonly clock: Pick<Clock, 'monotonic'>
}): Readers {
  const { limits, heldBytes, onClosed, clock } = options
  /** Readers with the time of their last progress, in the order of that time. */
  const known = new Map<Reader, number>()
  const unknown = new Map<Reader, number>()

  const ofClient = (group: ReadonlyMap<Reader, number>, address: string) =>
    [...group.keys()].filter((reader) => reader.address === address)

  /** @returns whether there is space for one more unknown reader */
  function makeSpace(address: string): boolean {
    if (ofClient(unknown, address).length >= limits.perUnknownClient) return false
    if (unknown.size < limits.unknown) return true
    const [slowest] = unknown
    if (slowest === undefined || clock.monotonic() - slowest[1] < limits.stalledMs) return false
    close(slowest[0])
    return true
  }

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
        const own = ofClient(known, reader.address)
        if (own.length >= limits.perKnownClient) close(own[0] as Reader)
      } else if (!makeSpace(reader.address)) return undefined
      group.set(reader, clock.monotonic())
      return {
        progress() {
          if (group.delete(reader)) group.set(reader, clock.monotonic())
        },
        held() {
          for (const slowest of unknown.keys()) {
            if (heldBytes() <= limits.heldBytes) return
            close(slowest)
          }
        },
        end: () => void group.delete(reader),
      }
    },
  }
}
