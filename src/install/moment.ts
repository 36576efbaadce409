/**
 * Points in time that survive a restart and a wall-clock jump. Durations come from the monotonic clock of the kernel,
 * which all processes share until the machine reboots; the wall clock is for display, and the fallback after a reboot.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Clock } from '../host/clock.ts'

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
