/**
 * Recognizes observations that only repeat the last one of their kind. Clients that poll repeat a request every few
 * seconds, and a flood repeats it a thousand times a second: stored each time, it would push the installation out of
 * the history and keep the disk busy.
 */
import type { Seen } from './observation.ts'

/** Waiting scripts and refused clients repeat their request every few seconds. */
const pollMs = 60_000
/** DHCP clients wait longer before they retransmit: iPXE 1 s, PXE 4 s. */
const retransmitMs = 500
/** Requests without a reason to wait, for example for the script that starts the local disk. */
const requestMs = 2000

/** Rows of one kind that a machine may add at once, and how fast it may add more. */
const burst = 240
const refillPerMs = 240 / 60_000

export type RepeatFilter = {
  /** @param tick monotonic milliseconds @returns whether the observation is a repetition, or one of a flood */
  isRepeat(machine: string, seen: Seen, tick: number): boolean
}

export function createRepeatFilter(): RepeatFilter {
  const latest = new Map<string, { readonly text: string; readonly tick: number }>()
  const budgets = new Map<string, { rows: number; tick: number }>()

  function isSame(key: string, text: string, tick: number, withinMs: number): boolean {
    const last = latest.get(key)
    if (last?.text === text && tick - last.tick < withinMs) return true
    latest.set(key, { text, tick })
    return false
  }

  function isOverBudget(key: string, tick: number): boolean {
    const budget = budgets.get(key) ?? { rows: burst, tick }
    const rows = Math.min(burst, budget.rows + (tick - budget.tick) * refillPerMs)
    const isOver = rows < 1
    budgets.set(key, { rows: isOver ? rows : rows - 1, tick })
    return isOver
  }

  function repeatsLast(machine: string, seen: Seen, tick: number): boolean {
    const key = `${seen.kind} ${machine}`
    switch (seen.kind) {
      case 'dhcp': {
        const { asker, message, isFresh, architecture, vendorClass, answer, ignored = [] } = seen
        const notes = ignored.map(({ text }) => text).join()
        const text = `${answer} ${isFresh} ${architecture ?? ''} ${vendorClass} ${notes}`
        return isSame(`${key} ${asker} ${message}`, text, tick, retransmitMs)
      }
      case 'script': {
        const { script, reason } = seen
        return isSame(key, `${script} ${reason ?? ''}`, tick, reason === undefined ? requestMs : pollMs)
      }
      case 'ignition': {
        const { reason } = seen
        if (reason !== undefined) return isSame(key, reason, tick, pollMs)
        latest.delete(key)
        return false
      }
      default:
        return false
    }
  }

  return {
    isRepeat(machine, seen, tick) {
      if (repeatsLast(machine, seen, tick)) return true
      // Commands, callbacks, and state changes come from administrators, tokens, and ourselves.
      const isUnlimited = seen.kind === 'command' || seen.kind === 'callback' || seen.kind === 'state'
      return !isUnlimited && isOverBudget(`${seen.kind} ${machine}`, tick)
    },
  }
}
