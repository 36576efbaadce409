/** Time that stands still until a test moves it, so that retransmission and back-off need no waiting. */
import type { Clock } from '../../src/host/clock.ts'

export type FakeClock = Clock & {
  /**
   * Moves time on by `ms` and runs the timers that fall due on the way, each at its own moment: earliest
   * first, and of two at the same moment the one set first. A timer set by a timer runs too if it falls due.
   */
  advance(ms: number): void
  /** How many timers are set: 0 says that nothing was left behind. */
  pending(): number
  /** Milliseconds until the next timer is due; `undefined` when none is set. */
  nextDelay(): number | undefined
}

/** @param startMs what `now()` says at first; `monotonic()` begins at 0 */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Map<number, { readonly due: number; readonly run: () => void }>()
  let elapsed = 0
  let created = 0

  /** A Map keeps the order of creation, so `<` lets the first of two equal moments win. */
  const next = (): { id: number; due: number; run: () => void } | undefined => {
    let first: { id: number; due: number; run: () => void } | undefined
    for (const [id, timer] of timers) {
      if (first === undefined || timer.due < first.due) first = { id, ...timer }
    }
    return first
  }

  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    after(delayMs, run) {
      const id = created++
      timers.set(id, { due: elapsed + Math.max(0, delayMs), run })
      return { cancel: () => void timers.delete(id) }
    },
    advance(ms) {
      const end = elapsed + ms
      for (let timer = next(); timer !== undefined && timer.due <= end; timer = next()) {
        elapsed = timer.due
        timers.delete(timer.id)
        timer.run()
      }
      elapsed = end
    },
    pending: () => timers.size,
    nextDelay: () => {
      const timer = next()
      return timer === undefined ? undefined : timer.due - elapsed
    },
  }
}
