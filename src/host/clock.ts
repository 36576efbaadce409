/**
 * Time as a parameter, so that tests of retransmission and back-off do not wait, and points in time that survive a
 * restart.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'

export type Timer = { cancel(): void }

export type Clock = {
  /** Milliseconds since 1970, for display. */
  now(): number
  /** Milliseconds since an arbitrary start; never decreases. For durations. */
  monotonic(): number
  /** Calls `run` once after `delayMs` unless canceled. */
  after(delayMs: number, run: () => void): Timer
}

/**
 * The kernel's clock, which all processes share, when this one started: durations can span a restart. Every packet reads
 * the clock several times, and `performance.now` needs no BigInt.
 */
const monotonicStartMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => monotonicStartMs + performance.now(),
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

// Durations come from the monotonic clock of the kernel, which all processes share until the machine reboots. The
// wall clock is for display, and the fallback after a reboot.

export type Moment = {
  /** Wall clock, milliseconds since 1970. */
  readonly at: number
  /** Monotonic clock in milliseconds. */
  readonly tick: number
  /** Identifies the boot of this machine: ticks of different epochs cannot be compared. */
  readonly epoch: string
}

/** Returns the current moment. */
export function momentOf({ now, monotonic }: Pick<Clock, 'now' | 'monotonic'>, epoch: string): Moment {
  return { at: now(), tick: monotonic(), epoch }
}

/**
 * Returns the milliseconds between two moments, or `undefined` if they are not known: the machine rebooted in between
 * and the wall clock went back.
 */
export function elapsedMs(from: Moment, to: Moment): number | undefined {
  if (isSameEpoch(from, to)) return Math.max(0, to.tick - from.tick)
  const wallMs = to.at - from.at
  return wallMs < 0 ? undefined : wallMs
}

/** Returns whether the duration between both is exact. */
export function isSameEpoch(from: Moment, to: Moment): boolean {
  return from.epoch === to.epoch
}

/** Returns the boot ID of the kernel; where there is none, an ID of this process (durations then end with it). */
export function bootEpoch(path = '/proc/sys/kernel/random/boot_id'): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return `process-${randomUUID()}`
  }
}
