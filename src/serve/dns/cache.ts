/**
 * The cache of resolvers' answers: kept for their TTL, and a day longer for when no resolver answers (RFC 8767).
 * Bounded in entries and in octets; the least recently used entry is evicted first.
 */
import type { Clock } from '../../host/clock.ts'
import { lowerOctet } from '../../proto/dns/name.ts'
import { HeaderFlag, headerOctets } from '../../proto/dns/registry.ts'
import type { Found } from './cacheable.ts'
import type { ForwardRequest } from './query.ts'
import { readU16 } from './reply.ts'

/** A cached answer with its age at the time of the lookup. */
export type Kept = {
  readonly found: Found
  /** Rounded up, so that a client never keeps a record longer than its TTL. */
  readonly ageSeconds: number
  /** Within its TTL. A stale answer is used only when no resolver answers. */
  readonly isFresh: boolean
  /** Fresh, but about to expire: worth a query while it is still fresh. */
  readonly isEnding: boolean
}

export type Cache = {
  look(key: string): Kept | undefined
  keep(key: string, found: Found): void
  size(): { readonly entries: number; readonly octets: number }
}

export type CacheLimits = { readonly entries: number; readonly octets: number; readonly staleSeconds: number }

/** The nodes of a data center query fewer names than this in a day. */
const usualLimits: CacheLimits = { entries: 10_000, octets: 16 * 1024 * 1024, staleSeconds: 86_400 }

/** The memory of an entry beside its message and its key: objects, offsets, the table. */
const overheadOctets = 256

/** An answer is refreshed in the last tenth of its lifetime, if its lifetime has this length. */
const endingPart = 0.1
const minEndingLifeSeconds = 10

type Entry = { readonly found: Found; readonly since: number; readonly octets: number }

export function createCache(clock: Pick<Clock, 'monotonic'>, limits: CacheLimits = usualLimits): Cache {
  /** In order of last use. */
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
        isFresh && found.lifeSeconds >= minEndingLifeSeconds && age >= found.lifeSeconds * (1 - endingPart)
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
 * Returns the resolvers and the question: name in lower case, type, class, DO, and CD. Resolvers answer differently
 * for each of these (RFC 4035 §3.2, RFC 6840 §5.9).
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
