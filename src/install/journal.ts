/**
 * States and observations on their way to the store: what is seen is written in lots, decisions at once. What
 * cannot be written stays in memory and is tried again.
 */
import type { Clock, Timer } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { State } from './machine.ts'
import type { Observation, Seen } from './observation.ts'
import type { Store } from './store.ts'

export type Journal = {
  state(node: string): State | undefined
  /** Written with the next lot, or by `keep`. */
  set(node: string, state: State): void
  note(seen: Seen): void
  /**
   * Makes a change and writes it, and whatever else is not written yet.
   *
   * @throws what the store throws; then `node` is as it was before
   */
  keep<T>(node: string, change: () => T): T
  /** Writes what is not written yet. @throws what the store throws */
  write(): void
  /** Takes away all that is known of it. @throws as `keep` does */
  forget(node: string): void
  /** Oldest first, written or not. */
  history(node: string): readonly Observation[]
  subscribe(each: (observation: Observation) => void): () => void
  close(): void
}

export type JournalOptions = {
  readonly store: Store
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

const lotMs = 250
/** Of observations that cannot be written, for instance while the disk is full. */
const mostUnwritten = 10_000
const pruneMs = 60 * 60_000

export function createJournal({ store, clock, log, counters }: JournalOptions): Journal {
  const states = new Map(store.states)
  /** Nodes whose state is not written as it is. */
  const changed = new Set<string>()
  let unwritten: Observation[] = []
  let sequence = store.lastSequence
  let lot: Timer | undefined
  let prunedAt = -Infinity
  const subscribers = new Set<(observation: Observation) => void>()

  function write(): void {
    lot?.cancel()
    lot = undefined
    if (changed.size === 0 && unwritten.length === 0) return
    store.keep(new Map([...changed].map((node) => [node, states.get(node)])), unwritten)
    unwritten = []
    changed.clear()
  }

  function writeLot(): void {
    try {
      write()
      if (clock.monotonic() - prunedAt < pruneMs) return
      prunedAt = clock.monotonic()
      store.prune(clock.now())
    } catch (error) {
      counters.increment('install.unwritten')
      log.error({ err: error }, 'what was seen of nodes cannot be written')
    }
  }

  function set(node: string, state: State): void {
    states.set(node, state)
    changed.add(node)
    lot ??= clock.after(lotMs, writeLot)
  }

  return {
    state: (node) => states.get(node),
    set,
    note(seen) {
      const observation: Observation = { ...seen, sequence: ++sequence, at: clock.now() }
      unwritten.push(observation)
      if (unwritten.length > mostUnwritten) unwritten.shift()
      lot ??= clock.after(lotMs, writeLot)
      for (const each of subscribers) each(observation)
    },
    keep(node, change) {
      const before = states.get(node)
      const last = sequence
      try {
        const result = change()
        write()
        return result
      } catch (error) {
        counters.increment('install.unwritten')
        if (before !== undefined) set(node, before)
        unwritten = unwritten.filter((each) => each.sequence <= last)
        throw error
      }
    },
    write,
    forget(node) {
      write()
      store.keep(new Map([[node, undefined]]), [])
      states.delete(node)
    },
    history: (node) => [...store.history(node), ...unwritten.filter((each) => each.node === node)],
    subscribe(each) {
      subscribers.add(each)
      return () => void subscribers.delete(each)
    },
    close() {
      writeLot()
      store.close()
    },
  }
}

/**
 * Who waits, or guesses, says the same every few seconds, and who floods the network a thousand times a second. Kept
 * each time, it would drive out of a node's history what a person wants to read, and keep the disk busy.
 */

const repeatMs = 60_000

/** No client of DHCP asks again sooner: iPXE waits for a second, PXE for four. */
const sameDhcpMs = 500

/** @returns whether an observation at this time only repeats the last one of its kind */
export function createRepeatFilter(): (seen: Seen, now: number) => boolean {
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
