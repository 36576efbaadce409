/** Cuts a file into blocks for one transfer: repeats any block of the window, and reads the next chunk ahead. */
import { encodeNetascii } from '../../proto/tftp/packet.ts'
import type { ServedFile } from './files.ts'

export type Blocks = {
  /**
   * Copies a block to `target` at `at`. Blocks before `oldest` are not requested again.
   *
   * @returns the length of the block, less than the block size for the last block; `undefined` while the file is
   * being read, after which `ready` is called
   */
  copy(block: number, oldest: number, target: Uint8Array, at: number): number | undefined
  /** Stops all callbacks. */
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
  /** Consecutive chunks after encoding (netascii makes them longer). */
  const held: Uint8Array[] = []
  /** Their start and end in the encoded file. */
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

  /** Takes the next chunk from memory, or starts reading it. */
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

  function dropBefore(offset: number): void {
    for (let first = held[0]; first !== undefined && start + first.length <= offset; first = held[0]) {
      start += first.length
      held.shift()
    }
  }

  return {
    copy(block, oldest, target, at) {
      const from = (block - 1) * blockOctets
      if (!isHeldTo(from + blockOctets)) return undefined
      dropBefore((oldest - 1) * blockOctets)
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
      // Read ahead: the chunk after the one in which this block ends.
      const last = held.at(-1)
      if (last !== undefined && to > end - last.length) isHeldTo(end + 1)
      return Math.max(0, to - from)
    },
    close() {
      isClosed = true
    },
  }
}
