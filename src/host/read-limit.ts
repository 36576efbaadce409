/** Limits how many chunks of shared files are read from the disk at once. */
import type { Chunk, SharedFile } from './shared-files.ts'

/**
 * Returns a function that limits how many reads are in progress, to `max` for all files together: the threads that
 * read for many clients would compete with the event loop. Further reads wait for their turn.
 */
export function createReadLimit(max: number): (file: SharedFile) => SharedFile {
  let active = 0
  const waiting: (() => void)[] = []

  function take(file: SharedFile, index: number): Chunk | Promise<Chunk> {
    const chunk = file.take(index)
    if (!(chunk instanceof Promise)) return chunk
    active++
    return chunk.finally(() => {
      active--
      while (active < max && waiting.length > 0) waiting.shift()?.()
    })
  }

  return (file) => {
    let isClosed = false
    return {
      ...file,
      take(index) {
        if (active < max) return take(file, index)
        return new Promise((resolve, reject) => {
          waiting.push(() => {
            // Reading a chunk of a closed file would waste time.
            if (isClosed) reject(new Error('the file was closed'))
            else resolve(take(file, index))
          })
        })
      },
      close() {
        isClosed = true
        file.close()
      },
    }
  }
}
