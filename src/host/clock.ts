/** Time as an argument, so that retransmission and back-off are tested without waiting. */

export type Timer = { cancel(): void }

export type Clock = {
  /** Milliseconds since 1970, for what people read. */
  now(): number
  /** Milliseconds from an arbitrary start that never goes back, for durations. */
  monotonic(): number
  /** Calls `run` once after `delayMs`, unless cancelled. */
  after(delayMs: number, run: () => void): Timer
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, delayMs)
    return { cancel: () => clearTimeout(timeout) }
  },
}
