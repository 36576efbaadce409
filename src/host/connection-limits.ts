/**
 * Limits of TCP connections: a maximum per client, and a reserve for known clients (declared nodes, this machine), so
 * that no client uses up the connections of the others. When a limit is reached, a new connection replaces the one that
 * has been idle for the longest time.
 */
import type { Clock } from './clock.ts'

export type ConnectionLimits = {
  /** All connections. */
  readonly total: number
  /** The part of the total that only known clients may use. */
  readonly reserve: number
  readonly perKnownClient: number
  readonly perUnknownClient: number
}

/** A connection as its service sees it. */
export type Connection = {
  /** Whether a request is in progress: a busy connection is not replaced by one of the same kind of client. */
  isBusy(): boolean
  close(): void
}

export type RefusalReason = 'client-limit' | 'connection-limit'

export type Admission = {
  /** Marks the connection as active: after a whole request or response, not for single bytes. */
  touch(): void
  /** Call it once, when the connection has closed. */
  leave(): void
}

export type ConnectionTable = {
  /** @returns why the connection must be closed at once, or its admission */
  admit(address: string, connection: Connection): Admission | RefusalReason
  size(): number
}

type Entry = Connection & { readonly address: string; readonly isKnown: boolean; isClosed: boolean }

export type ConnectionTableOptions = {
  readonly limits: ConnectionLimits
  readonly isKnown: (address: string) => boolean
  /** Called when an idle connection is closed in favor of a new one. */
  readonly onReplaced: (address: string) => void
}

export function createConnectionTable({
  limits,
  isKnown,
  onReplaced,
}: ConnectionTableOptions): ConnectionTable {
  /** The entry that has been idle longest comes first. */
  const known = new Set<Entry>()
  const unknown = new Set<Entry>()
  const byAddress = new Map<string, Set<Entry>>()

  const size = () => known.size + unknown.size
  const groupOf = (entry: Entry) => (entry.isKnown ? known : unknown)

  function remove(entry: Entry): void {
    groupOf(entry).delete(entry)
    const own = byAddress.get(entry.address)
    own?.delete(entry)
    if (own?.size === 0) byAddress.delete(entry.address)
  }

  /** @returns whether a connection was closed */
  function replace(candidates: Iterable<Entry>, isBusyAllowed = false): boolean {
    for (const entry of candidates) {
      if (!isBusyAllowed && entry.isBusy()) continue
      remove(entry)
      entry.isClosed = true
      onReplaced(entry.address)
      entry.close()
      return true
    }
    return false
  }

  function makeSpace(address: string, isKnownClient: boolean): RefusalReason | undefined {
    const own = byAddress.get(address) ?? new Set()
    const max = isKnownClient ? limits.perKnownClient : limits.perUnknownClient
    if (own.size >= max && !replace(own)) return 'client-limit'
    if (isKnownClient) {
      if (size() < limits.total) return undefined
      return replace(unknown) || replace(unknown, true) || replace(known) ? undefined : 'connection-limit'
    }
    if (unknown.size < limits.total - limits.reserve && size() < limits.total) return undefined
    return replace(unknown) ? undefined : 'connection-limit'
  }

  return {
    size,
    admit(address, connection) {
      const isKnownClient = isKnown(address)
      const refusal = makeSpace(address, isKnownClient)
      if (refusal !== undefined) return refusal
      const entry: Entry = { ...connection, address, isKnown: isKnownClient, isClosed: false }
      groupOf(entry).add(entry)
      const own = byAddress.get(address) ?? new Set()
      byAddress.set(address, own.add(entry))
      return {
        touch() {
          if (entry.isClosed) return
          for (const group of [groupOf(entry), own]) {
            group.delete(entry)
            group.add(entry)
          }
        },
        leave() {
          if (entry.isClosed) return
          entry.isClosed = true
          remove(entry)
        },
      }
    },
  }
}

/** Reports the first event of each kind, then a summary with the number of events each 10 s. */
export function createEventLimiter(
  clock: Pick<Clock, 'monotonic'>,
): (kind: string, report: (count: number) => void) => void {
  const intervalMs = 10_000
  const states = new Map<string, { quietUntil: number; count: number }>()
  return (kind, report) => {
    const state = states.get(kind) ?? { quietUntil: -Infinity, count: 0 }
    states.set(kind, state)
    state.count++
    if (clock.monotonic() < state.quietUntil) return
    state.quietUntil = clock.monotonic() + intervalMs
    const { count } = state
    state.count = 0
    report(count)
  }
}
