/**
 * Who waits, or guesses, says the same every few seconds, and who floods the network a thousand times a second. Kept
 * each time, it would drive out of a node's history what a person wants to read, and keep the disk busy.
 */
import type { Seen } from './observation.ts'

const repeatMs = 60_000

/** No client of DHCP asks again sooner: iPXE waits for a second, PXE for four. */
const sameDhcpMs = 500

/** @returns whether an observation at this time only repeats the last one of its kind */
export function createChatter(): (seen: Seen, now: number) => boolean {
  const said = new Map<string, { readonly text: string; readonly at: number }>()

  function isSaid(key: string, text: string, now: number, withinMs: number): boolean {
    const last = said.get(key)
    // The clock may have been set back.
    if (last?.text === text && Math.abs(now - last.at) < withinMs) return true
    said.set(key, { text, at: now })
    return false
  }

  return (seen, now) => {
    if (seen.kind === 'dhcp') {
      const { node, asker, message, isFresh, architecture, vendorClass, answer } = seen
      const text = `${answer} ${isFresh} ${architecture ?? ''} ${vendorClass}`
      return isSaid(`${asker} ${message} ${node}`, text, now, sameDhcpMs)
    }
    if (seen.kind !== 'script' && seen.kind !== 'ignition') return false
    const key = `${seen.kind} ${seen.node}`
    if (seen.reason === undefined) {
      said.delete(key)
      return false
    }
    return isSaid(key, seen.kind === 'script' ? `${seen.script} ${seen.reason}` : seen.reason, now, repeatMs)
  }
}
