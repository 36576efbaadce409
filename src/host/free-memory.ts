/**
 * Returns memory to the system that the C library keeps after a start and after a reload: 11 of 144 MiB with 1,000 nodes. A thread
 * of Node's pool does this, because it can take 50 ms.
 */
import type { Clock, Timer } from './clock.ts'
import { loadLibc } from './lane/libc.ts'

export type FreeMemory = {
  /** Returns it in a few seconds, when what replaced an earlier plan is in use. */
  returnLater(): void
  close(): void
}

/** The lanes have started by then, or applied the plan. */
const delayMs = 5000

/** @param trim resolves when the memory is returned; never rejects */
export function createFreeMemory(clock: Pick<Clock, 'after'>, trim = trimMemory): FreeMemory {
  let timer: Timer | undefined
  return {
    returnLater() {
      timer?.cancel()
      timer = clock.after(delayMs, () => void trim())
    },
    close: () => timer?.cancel(),
  }
}

/** Without koffi, the memory stays with the process. */
async function trimMemory(): Promise<void> {
  const libc = await loadLibc()
  if (!('reason' in libc)) await libc.trim()
}
