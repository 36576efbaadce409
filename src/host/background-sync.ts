/** Syncs a file to the disk without blocking the event loop. */
import { open } from 'node:fs/promises'
import { inTurn } from './in-turn.ts'

/**
 * Returns a function that starts to sync the data of a file, one sync at a time: calls during a sync share the next one.
 * A failure is not reported: use it only for data that can be lost.
 */
export function createBackgroundSync(path: string, sync = syncFile): () => void {
  const start = inTurn(() => sync(path))
  return () => void start().catch(() => {})
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
}
