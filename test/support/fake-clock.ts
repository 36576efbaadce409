/** A clock that only tests advance, so that tests of retransmission and back-off do not wait. */
import type { Clock } from '../../src/host/clock.ts'

export type FakeClock = Clock & {
  /**
   * Advances time by `ms` and runs the timers that become due, each at its own time: earliest
   * first, and of two at the same time the one set first. A timer set by a timer runs too if it becomes due.
   */
  advance(ms: number): void
  /** The number of pending timers: 0 if none was left behind. */
  pending(): number
  /** Milliseconds until the next timer is due; `undefined` when none is set. */
  nextDelay(): number | undefined
}

/** @param startMs the first value of `now()`; `monotonic()` starts at 0 */
export function fakeClock(startMs = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Map<number, { readonly due: number; readonly run: () => void }>()
  let elapsed = 0
  let created = 0

  /** A Map keeps the order of creation, so `<` selects the first of two timers at the same time. */
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
