/** Time as a parameter, so that tests of retransmission and back-off do not wait. */

export type Timer = { cancel(): void }

export type Clock = {
  /** Milliseconds since 1970, for display. */
  now(): number
  /** Milliseconds since an arbitrary start; never decreases. For durations. */
  monotonic(): number
  /** Calls `run` once after `delayMs` unless canceled. */
  after(delayMs: number, run: () => void): Timer
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // The kernel's clock, which all processes share: durations can span a restart.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  after(delayMs, run) {
    const timeout = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}

// Waiting that an abort signal can end early.

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
