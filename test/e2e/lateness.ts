/**
 * How long this process did not get to run although it wanted to, on a machine that has other work. What a check measures
 * by the clock holds for a machine that is not busy; elsewhere it allows for this.
 */
const tickMs = 50
/** Timers are never exact. */
const usualMs = 20

/** @returns how much it has been since this call, in milliseconds, up to each later call */
export function watchLateness(): () => number {
  let lateMs = 0
  let before = performance.now()
  setInterval(() => {
    const now = performance.now()
    lateMs += Math.max(0, now - before - tickMs - usualMs)
    before = now
  }, tickMs).unref()
  return () => Math.round(lateMs)
}
