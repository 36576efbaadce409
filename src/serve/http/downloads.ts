/**
 * The downloads of image files: the clients that read them, with a budget of memory, and the progress of each node.
 */
import type { Clock, Timer } from '../../host/clock.ts'
import type { Observe } from '../../install/observation.ts'
import type { ImageFileKind } from '../../plan/facts.ts'

export type DownloadRequest = {
  readonly node: string
  readonly what: ImageFileKind
  readonly file: string
  readonly dir: string
  /** Offset of the first byte of the response, offset after the last one, and the size of the file. */
  readonly from: number
  readonly to: number
  readonly total: number
  /** Returns the bytes of the response that were sent. */
  readonly sent: () => number
}

export type Download = { end(octets: number, isAborted: boolean): void }

export type Downloads = { start(request: DownloadRequest): Download }

const reportMs = 1000

type Range = readonly [from: number, to: number]

/**
 * The separate ranges that are kept of one file. A resumed download has a few; a client that requests single bytes in
 * arbitrary order would add ranges without bound.
 */
const maxRanges = 64

export function createDownloads({ observe, clock }: { observe: Observe; clock: Clock }): Downloads {
  /** Ranges of incomplete files that nodes have, and when their download started. */
  const parts = new Map<string, { readonly since: number; ranges: readonly Range[] }>()

  return {
    start({ node, what, file, dir, from, to, total, sent }) {
      const key = JSON.stringify([node, dir, file])
      // A request from the first byte starts a new download.
      const part = (from > 0 && parts.get(key)) || { since: clock.monotonic(), ranges: [] }
      parts.set(key, part)
      const report = (
        outcome: 'begun' | 'under-way' | 'sent' | 'aborted',
        ranges: readonly Range[],
      ): void => {
        const durationMs = Math.round(clock.monotonic() - part.since)
        observe({ node, kind: 'file', what, file, outcome, octets: sizeOf(ranges), total, durationMs })
      }
      const having = (octets: number): readonly Range[] =>
        join([...part.ranges, [from, Math.min(to, from + octets)]]).slice(0, maxRanges)
      let timer: Timer
      const reportLater = (): void => {
        timer = clock.after(reportMs, () => {
          report('under-way', having(sent()))
          reportLater()
        })
      }
      if (part.ranges.length === 0) report('begun', [])
      reportLater()
      return {
        end(octets, isAborted) {
          timer.cancel()
          part.ranges = having(octets)
          const isWhole = sizeOf(part.ranges) >= total
          if (isWhole) parts.delete(key)
          report(isWhole ? 'sent' : isAborted ? 'aborted' : 'under-way', part.ranges)
        },
      }
    },
  }
}

/** Returns the union of ranges: sorted, without overlaps. */
function join(ranges: readonly Range[]): Range[] {
  const joined: Range[] = []
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && from <= last[1]) joined[joined.length - 1] = [last[0], Math.max(last[1], to)]
    else joined.push([from, to])
  }
  return joined
}

function sizeOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0)
}

// A reader holds chunks of the file until it has read them, so slow readers would hold memory without bound: when
// they hold more than the budget, the unknown reader without progress for the longest time is disconnected. Declared
// nodes have no budget, but a maximum of concurrent readers each. Unknown clients also have a maximum, so that their
// reads do not fill the queue of the file system.

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
