/** Rows of the history before they are stored: their sequence numbers, and repetitions, which share a row. */
import type { Clock } from '../host/clock.ts'
import { createRepeatFilter, type Observation, type Seen } from './observation.ts'
import type { Kept } from './store.ts'
import type { WallClock } from './wall-clock.ts'

/** A row of the history. Its repetitions are counted here until the next write. */
export type Row = {
  readonly machine: string
  readonly observation: Observation
  readonly sequence: number
  count: number
  lastAt: number
  isStored: boolean
}

export type Rows = {
  /**
   * Returns the row of an observation. A repetition increases the count of the latest row of its kind.
   *
   * @param repeated see `Observe`
   */
  note(machine: string, seen: Seen, repeated?: number): { readonly row: Row; readonly isRepeat: boolean }
  /** Returns the row of an observation that another appliance made. */
  receive(kept: Kept): Row
  /** Returns the sequence number of the last row. */
  last(): number
  /** Forgets the latest rows of a machine. */
  forget(machine: string): void
}

/** @param last the sequence number of the last stored row */
export function createRows(
  last: number,
  clock: Pick<Clock, 'monotonic'>,
  wallClock: Pick<WallClock, 'now'>,
): Rows {
  let sequence = last
  /** The latest row of each machine, by kind. */
  const latest = new Map<string, Map<Seen['kind'], Row>>()
  const filter = createRepeatFilter()

  function latestOf(machine: string): Map<Seen['kind'], Row> {
    const known = latest.get(machine)
    if (known !== undefined) return known
    const rows = new Map<Seen['kind'], Row>()
    latest.set(machine, rows)
    return rows
  }

  return {
    note(machine, seen, repeated) {
      const rows = latestOf(machine)
      const before = rows.get(seen.kind)
      const isRepeat = repeated !== undefined || filter.isRepeat(machine, seen, clock.monotonic())
      if (isRepeat && before !== undefined) {
        before.count += repeated ?? 1
        before.lastAt = wallClock.now()
        return { row: before, isRepeat: true }
      }
      const row = rowOf(machine, { ...seen, sequence: ++sequence, at: wallClock.now() })
      if (repeated !== undefined) row.count = repeated
      rows.set(seen.kind, row)
      return { row, isRepeat: false }
    },
    receive: ({ machine, observation }) => rowOf(machine, { ...observation, sequence: ++sequence }),
    last: () => sequence,
    forget: (machine) => void latest.delete(machine),
  }
}

function rowOf(machine: string, observation: Observation): Row {
  const { sequence, at } = observation
  return { machine, observation, sequence, count: 1, lastAt: at, isStored: false }
}

/** Returns what is stored of a row. */
export function keptOf({ machine, observation, count, lastAt }: Row): Kept {
  return { machine, observation: count === 1 ? observation : { ...observation, count, lastAt } }
}
