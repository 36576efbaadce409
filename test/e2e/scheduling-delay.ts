/**
 * Measures how long other processes kept this one from running. A limit on elapsed time applies to an idle machine: on a
 * busy machine, checks add this delay to it.
 */
const tickMs = 50
/** Timers are late by up to this much on an idle machine. */
const toleranceMs = 20

/** Starts measuring. @returns a function that returns the total delay since this call, in milliseconds */
export function measureSchedulingDelay(): () => number {
  let delayMs = 0
  let previous = performance.now()
  setInterval(() => {
    const now = performance.now()
    delayMs += Math.max(0, now - previous - tickMs - toleranceMs)
    previous = now
  }, tickMs).unref()
  return () => Math.round(delayMs)
}
