/**
 * The progress of each node that downloads a file of an image, by HTTP or TFTP.
 */
import type { Clock, Timer } from '../host/clock.ts'
import type { Observe } from './observation.ts'
import type { ImageFileKind } from '../plan/facts.ts'

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
