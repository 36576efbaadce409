/**
 * Machines that asked and are not declared, and declared ones that declined their address: what an operator
 * looks for when a machine does not boot. In memory, bounded, least recently seen forgotten first.
 */
import type { Clock } from '../../host/clock.ts'
import type { Mac } from '../../proto/address/mac.ts'

export type Stranger = {
  readonly mac: Mac
  /** Option 60, printable characters only. */
  readonly vendorClass: string
  readonly architecture: number | undefined
  /** Milliseconds since 1970. */
  readonly firstSeen: number
  readonly lastSeen: number
  readonly count: number
}

export type Declined = {
  readonly mac: Mac
  readonly node: string
  /** In dotted text. */
  readonly address: string
  /** Milliseconds since 1970. */
  readonly lastSeen: number
  readonly count: number
}

/** How many machines are remembered: the list must not grow with a flood of made-up addresses. */
const mostRemembered = 1024

/** How often one stranger gets a line in the log, and how many lines all of them get in that time. */
const quietMs = 10 * 60_000
const linesPerQuietTime = 60

/** A map that forgets what was set longest ago. */
export class RecentMap<Key, Value> {
  readonly #values = new Map<Key, Value>()
  readonly #most: number

  constructor(most = mostRemembered) {
    this.#most = most
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key)
  }

  set(key: Key, value: Value): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size > this.#most) this.#values.delete(this.#values.keys().next().value as Key)
  }

  /** Latest first. */
  values(): Value[] {
    return [...this.#values.values()].reverse()
  }
}

/** Remembers strangers and says which sighting deserves a line in the log. */
export class Strangers {
  readonly #clock: Clock
  readonly #seen = new RecentMap<
    Mac,
    { readonly stranger: Stranger; readonly loggedAt: number | undefined }
  >()
  #quietSince = Number.NEGATIVE_INFINITY
  #lines = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns whether to log it: at first, then every ten minutes, and never more than sixty lines in that time */
  see(who: Pick<Stranger, 'mac' | 'vendorClass' | 'architecture'>): boolean {
    const before = this.#seen.get(who.mac)
    const now = this.#clock.now()
    const loggedAt = this.#logsNow(before?.loggedAt) ? this.#clock.monotonic() : before?.loggedAt
    const stranger = {
      mac: who.mac,
      vendorClass: who.vendorClass,
      architecture: who.architecture,
      firstSeen: before?.stranger.firstSeen ?? now,
      lastSeen: now,
      count: (before?.stranger.count ?? 0) + 1,
    }
    this.#seen.set(who.mac, { stranger, loggedAt })
    return loggedAt !== before?.loggedAt
  }

  /** Latest first. */
  list(): Stranger[] {
    return this.#seen.values().map(({ stranger }) => stranger)
  }

  #logsNow(loggedAt = Number.NEGATIVE_INFINITY): boolean {
    const elapsed = this.#clock.monotonic()
    if (elapsed - loggedAt < quietMs) return false
    if (elapsed - this.#quietSince >= quietMs) {
      this.#quietSince = elapsed
      this.#lines = 0
    }
    return ++this.#lines <= linesPerQuietTime
  }
}
