/**
 * Answers of resolvers, kept for as long as their TTLs say and a day longer for when no resolver answers
 * (RFC 8767). Bounded in number and in octets; what was used longest ago goes first.
 */
import type { Clock } from '../../host/clock.ts'
import { lowerOctet } from '../../proto/dns/name.ts'
import { HeaderFlag, headerOctets } from '../../proto/dns/registry.ts'
import type { ForwardRequest } from './answer.ts'
import type { Found } from './cacheable.ts'
import { readU16 } from './reply.ts'

/** An answer that is kept, and its age when it was looked up. */
export type Kept = {
  readonly found: Found
  /** Rounded up, so that a client never keeps a record longer than the resolver said. */
  readonly ageSeconds: number
  /** Within its TTL. What is not is stale: only for when nobody answers. */
  readonly isFresh: boolean
  /** Fresh, but not for long: worth asking for again while it is. */
  readonly isEnding: boolean
}

export type Cache = {
  look(key: string): Kept | undefined
  keep(key: string, found: Found): void
  size(): { readonly entries: number; readonly octets: number }
}

export type CacheLimits = { readonly entries: number; readonly octets: number; readonly staleSeconds: number }

/** Some ten thousand names are more than a data centre's nodes ask for in a day. */
const usualLimits: CacheLimits = { entries: 10_000, octets: 16 * 1024 * 1024, staleSeconds: 86_400 }

/** Of keeping an entry, beside the octets of its message and its key: objects, offsets, the table's own. */
const overheadOctets = 256

/** An answer is asked for again in the last tenth of its life, if that was long enough to matter. */
const endingPart = 0.1
const leastEndingLifeSeconds = 10

type Entry = { readonly found: Found; readonly since: number; readonly octets: number }

export function createCache(clock: Pick<Clock, 'monotonic'>, limits: CacheLimits = usualLimits): Cache {
  /** In the order of their last use. */
  const entries = new Map<string, Entry>()
  let octets = 0

  function remove(key: string): void {
    octets -= entries.get(key)?.octets ?? 0
    entries.delete(key)
  }

  return {
    look(key) {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      const { found, since } = entry
      const age = (clock.monotonic() - since) / 1000
      if (age >= found.lifeSeconds + limits.staleSeconds) {
        remove(key)
        return undefined
      }
      entries.delete(key)
      entries.set(key, entry)
      const isFresh = age < found.lifeSeconds
      const isEnding =
        isFresh && found.lifeSeconds >= leastEndingLifeSeconds && age >= found.lifeSeconds * (1 - endingPart)
      return { found, ageSeconds: Math.ceil(age), isFresh, isEnding }
    },

    keep(key, found) {
      remove(key)
      if (found.lifeSeconds === 0) return
      const entry = { found, since: clock.monotonic(), octets: sizeOf(key, found) }
      entries.set(key, entry)
      octets += entry.octets
      for (const oldest of entries.keys()) {
        if (entries.size <= limits.entries && octets <= limits.octets) break
        remove(oldest)
      }
    },

    size: () => ({ entries: entries.size, octets }),
  }
}

/**
 * Who is asked, and what: name in lower case, type, class, DO and CD, for each of which resolvers answer
 * differently (RFC 4035 §3.2, RFC 6840 §5.9).
 */
export function cacheKey({ query, end, isDnssecOk, resolvers }: ForwardRequest): string {
  let key = resolvers.map(({ address, port }) => `${address}#${port}`).join()
  key += isDnssecOk ? ' DO' : ' '
  key += (readU16(query, 2) & HeaderFlag.checkingDisabled) === 0 ? ' ' : 'CD '
  for (let at = headerOctets; at < end - 4; at++) {
    key += String.fromCharCode(lowerOctet[query[at] as number] as number)
  }
  return `${key} ${readU16(query, end - 4)} ${readU16(query, end - 2)}`
}

function sizeOf(key: string, { octets, ttlAt }: Found): number {
  return overheadOctets + key.length + octets.length + ttlAt.length * 8
}
