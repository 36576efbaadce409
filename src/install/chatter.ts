/**
 * Who waits, or guesses, says the same every few seconds. Kept each time, it would drive out of a node's history
 * what a person wants to read; so the same within a minute is said once.
 */
import type { Seen } from './observation.ts'

const repeatMs = 60_000

/** @returns whether an observation at this time only repeats the last one of its kind */
export function createChatter(): (seen: Seen, now: number) => boolean {
  const said = new Map<string, { readonly text: string; readonly at: number }>()
  return (seen, now) => {
    if (seen.kind !== 'script' && seen.kind !== 'ignition') return false
    const key = `${seen.kind} ${seen.node}`
    if (seen.reason === undefined) {
      said.delete(key)
      return false
    }
    const text = seen.kind === 'script' ? `${seen.script} ${seen.reason}` : seen.reason
    const last = said.get(key)
    if (last?.text === text && now - last.at < repeatMs) return true
    said.set(key, { text, at: now })
    return false
  }
}
