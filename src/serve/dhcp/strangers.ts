/**
 * Machines that asked and are not declared, declared ones that declined their address, and other DHCP servers:
 * what an operator looks for when a machine does not boot. In memory, bounded, least recently seen forgotten first.
 */
import type { Clock } from '../../host/clock.ts'
import type { Mac } from '../../proto/address/mac.ts'
import type { StrangerFacts } from './stranger.ts'

/** When something was seen, in milliseconds since 1970, and how often. */
type Sighting = { readonly firstSeen: number; readonly lastSeen: number; readonly count: number }

export type Stranger = StrangerFacts & Sighting

type OtherServerSeen = {
  /** Its option 54, in dotted text. */
  readonly server: string
  /** The declared machine that dealt with it last. */
  readonly mac: Mac
  readonly node: string
}
/** A DHCP server that is neither this one nor a peer, known from what declared machines say to it. */
export type OtherServer = OtherServerSeen & Sighting

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

/** How often one machine gets a line in the log, and how many lines all of a kind get in that time. */
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

/** Remembers who was seen and says which sighting deserves a line in the log. */
class Sightings<Key, Seen> {
  readonly #clock: Clock
  readonly #seen = new RecentMap<
    Key,
    { readonly sighting: Seen & Sighting; readonly loggedAt: number | undefined }
  >()
  #quietSince = Number.NEGATIVE_INFINITY
  #lines = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns whether to log it: at first, then every ten minutes, and never more than sixty lines in that time */
  see(key: Key, seen: Seen): boolean {
    const before = this.#seen.get(key)
    const now = this.#clock.now()
    const loggedAt = this.#logsNow(before?.loggedAt) ? this.#clock.monotonic() : before?.loggedAt
    const sighting = {
      // What only its firmware says (a UUID), or only its system (a name), is kept.
      ...before?.sighting,
      ...seen,
      firstSeen: before?.sighting.firstSeen ?? now,
      lastSeen: now,
      count: (before?.sighting.count ?? 0) + 1,
    }
    this.#seen.set(key, { sighting, loggedAt })
    return loggedAt !== before?.loggedAt
  }

  /** Latest first. */
  list(): (Seen & Sighting)[] {
    return this.#seen.values().map(({ sighting }) => sighting)
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

export function createStrangers(clock: Clock): Sightings<Mac, StrangerFacts> {
  return new Sightings(clock)
}

export function createOtherServers(clock: Clock): Sightings<string, OtherServerSeen> {
  return new Sightings(clock)
}
