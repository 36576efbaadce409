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
