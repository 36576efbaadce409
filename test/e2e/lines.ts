/** Text that comes in pieces, as lines with the time of their arrival. */
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export type OnLine = (line: string, atMs: number) => void

export type LineSplitter = {
  readonly push: (text: string) => void
  /** What came after the last end of line is a line too. */
  readonly end: () => void
}

/** A carriage return ends a line as well: a firmware's console ends some with that alone. */
export function splitLines(onLine: OnLine): LineSplitter {
  let rest = ''
  return {
    push(text) {
      const atMs = Date.now()
      const lines = (rest + text).split(/\r?\n|\r/)
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line, atMs)
    },
    end() {
      if (rest !== '') onLine(rest, Date.now())
    },
  }
}

/**
 * Reads the lines that another process appends to a file, every 25 ms, until that is over and all is read.
 *
 * @param path is there already
 */
export async function followFile(path: string, isOver: () => boolean, onLine: OnLine): Promise<void> {
  const lines = splitLines(onLine)
  const piece = Buffer.alloc(64 * 1024)
  const file = await open(path, 'r')
  try {
    for (;;) {
      const wasOver = isOver()
      const { bytesRead } = await file.read(piece)
      if (bytesRead > 0) lines.push(piece.toString('latin1', 0, bytesRead))
      else if (wasOver) break
      else await sleep(25)
    }
    lines.end()
  } finally {
    await file.close()
  }
}
