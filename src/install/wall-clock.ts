/** Compares the wall clock with the monotonic clock: a jump makes the times in the records wrong. */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { StateProblem } from './codes.ts'

export type WallClock = {
  /** Milliseconds since 1970. Logs a jump since the last call. */
  now(): number
  problems(): readonly StateProblem[]
}

/** Larger differences between the two clocks are reported, for a day. */
const jumpMs = 60_000
const reportMs = 24 * 60 * 60_000

export function createWallClock(clock: Pick<Clock, 'now' | 'monotonic'>, log: Log): WallClock {
  let last = { at: clock.now(), tick: clock.monotonic() }
  let jumpedAt = -Infinity

  return {
    now() {
      const next = { at: clock.now(), tick: clock.monotonic() }
      const byMs = next.at - last.at - (next.tick - last.tick)
      if (Math.abs(byMs) > jumpMs) {
        jumpedAt = next.tick
        log.warn({ seconds: Math.round(byMs / 1000), code: 'state.clock-jumped' }, 'clock jumped')
      }
      last = next
      return next.at
    },
    problems() {
      if (clock.monotonic() - jumpedAt >= reportMs) return []
      return [{ code: 'state.clock-jumped', text: 'the clock of this machine jumped within the last day' }]
    },
  }
}
