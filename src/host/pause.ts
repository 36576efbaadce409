/** Waiting that an abort signal can end early. */
import type { Clock } from './clock.ts'

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve()
      return
    }
    const end = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.after(ms, end)
    signal?.addEventListener('abort', end)
  })
}

/** Reads the signal again after a wait: the compiler assumes that it does not change. */
export function isAborted(signal: AbortSignal): boolean {
  return signal.aborted
}
