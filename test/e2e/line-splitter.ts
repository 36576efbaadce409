/** Splits a stream of text into lines, each with the time of its arrival. */
import { open } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export type OnLine = (line: string, atMs: number) => void

export type LineSplitter = {
  readonly push: (text: string) => void
  /** Treats the text after the last line end as a line. */
  readonly end: () => void
}

/** A carriage return alone ends a line too: firmware writes such lines to the console. */
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
 * Reads the lines that another process appends to a file, every 25 ms, until that process has ended and all is read.
 *
 * @param path an existing file
 */
export async function followFile(path: string, hasEnded: () => boolean, onLine: OnLine): Promise<void> {
  const lines = splitLines(onLine)
  const piece = Buffer.alloc(64 * 1024)
  const file = await open(path, 'r')
  try {
    for (;;) {
      const hadEnded = hasEnded()
      const { bytesRead } = await file.read(piece)
      if (bytesRead > 0) lines.push(piece.toString('latin1', 0, bytesRead))
      else if (hadEnded) break
      else await sleep(25)
    }
    lines.end()
  } finally {
    await file.close()
  }
}
