/** A file cut into blocks for one transfer: any block of the window again, the next chunk read ahead. */
import { encodeNetascii } from '../../proto/tftp/netascii.ts'
import type { ServedFile } from './files.ts'

export type Blocks = {
  /**
   * Copies a block to `target` at `at`. Blocks before `oldest` are not asked for again.
   *
   * @returns its octets, fewer than the block size for the last block; `undefined` while they are being
   * read, and then `ready` will be called
   */
  copy(block: number, oldest: number, target: Uint8Array, at: number): number | undefined
  /** Nothing is called back any more. */
  close(): void
}

export type BlocksOptions = {
  readonly file: ServedFile
  readonly mode: 'octet' | 'netascii'
  readonly blockOctets: number
  readonly ready: () => void
  readonly failed: (error: Error) => void
}

export function cutIntoBlocks({ file, mode, blockOctets, ready, failed }: BlocksOptions): Blocks {
  /** Chunks that follow each other, as they are sent (netascii makes them longer). */
  const held: Uint8Array[] = []
  /** Where they begin and end in what is sent. */
  let start = 0
  let end = 0
  let nextChunk = 0
  let isLoading = false
  let isClosed = false

  function hold(chunk: Uint8Array): void {
    const encoded = mode === 'netascii' ? encodeNetascii(chunk) : chunk
    held.push(encoded)
    end += encoded.length
    nextChunk++
  }

  /** Takes the next chunk now, or asks for it. */
  function advance(): void {
    const chunk = file.chunk(nextChunk)
    if (chunk instanceof Uint8Array) {
      hold(chunk)
      return
    }
    isLoading = true
    chunk.then(
      (loaded) => {
        isLoading = false
        if (isClosed) return
        hold(loaded)
        ready()
      },
      (error: unknown) => {
        if (!isClosed) failed(error as Error)
      },
    )
  }

  function isHeldTo(offset: number): boolean {
    while (end < offset && nextChunk < file.chunkCount && !isLoading) advance()
    return end >= offset || nextChunk >= file.chunkCount
  }

  function letGoBefore(offset: number): void {
    for (let first = held[0]; first !== undefined && start + first.length <= offset; first = held[0]) {
      start += first.length
      held.shift()
    }
  }

  return {
    copy(block, oldest, target, at) {
      const from = (block - 1) * blockOctets
      if (!isHeldTo(from + blockOctets)) return undefined
      letGoBefore((oldest - 1) * blockOctets)
      const to = Math.min(from + blockOctets, end)
      let chunkStart = start
      for (const chunk of held) {
        const chunkEnd = chunkStart + chunk.length
        if (chunkEnd > from && chunkStart < to) {
          const first = Math.max(from, chunkStart)
          target.set(
            chunk.subarray(first - chunkStart, Math.min(to, chunkEnd) - chunkStart),
            at + first - from,
          )
        }
        chunkStart = chunkEnd
      }
      // Read ahead: one chunk beyond the one that this block ends in.
      const last = held.at(-1)
      if (last !== undefined && to > end - last.length) isHeldTo(end + 1)
      return Math.max(0, to - from)
    },
    close() {
      isClosed = true
    },
  }
}
