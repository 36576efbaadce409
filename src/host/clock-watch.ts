/** Notices when the wall clock jumps: it compares the wall clock with the monotonic clock of the machine. */
import type { Clock, Timer } from './clock.ts'
import type { Log } from './log.ts'
import { formatDuration } from '../text/format.ts'

export type ClockWatch = {
  /** Returns a sentence about the last jump, for a day after it. */
  problem(): string | undefined
  close(): void
}

const intervalMs = 10_000

/** NTP corrects smaller differences gradually, and nothing in slipway depends on them. */
const minJumpMs = 60_000

const shownForMs = 24 * 3_600_000

export function watchClock(clock: Clock, log: Log): ClockWatch {
  let last: { readonly text: string; readonly at: number } | undefined
  let offset = clock.now() - clock.monotonic()
  let timer: Timer

  function compare(): void {
    const current = clock.now() - clock.monotonic()
    const jumpMs = current - offset
    offset = current
    if (Math.abs(jumpMs) >= minJumpMs) {
      const direction = jumpMs > 0 ? 'forward' : 'back'
      const text = `the clock of this machine jumped ${direction} by ${formatDuration(Math.abs(jumpMs))}`
      last = { text, at: clock.monotonic() }
      log.warn({ code: 'server.clock-jumped', jumpMs: Math.round(jumpMs) }, 'clock jumped')
    }
    timer = clock.after(intervalMs, compare)
  }

  timer = clock.after(intervalMs, compare)
  return {
    problem: () => (last !== undefined && clock.monotonic() - last.at < shownForMs ? last.text : undefined),
    close: () => timer.cancel(),
  }
}
