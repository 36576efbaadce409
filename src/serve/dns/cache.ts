/**
 * The cache of resolvers' answers: kept for their TTL, and a day longer for when no resolver answers (RFC 8767).
 * Bounded in entries and in octets; the least recently used entry is evicted first.
 */
import type { Clock } from '../../host/clock.ts'
import { lowerOctet } from '../../proto/dns/name.ts'
import { HeaderFlag, headerOctets, RecordType, ResponseCode } from '../../proto/dns/registry.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { walkMessage, type Layout, type RecordPosition } from '../../proto/dns/walk.ts'
import type { ForwardRequest } from './query.ts'
import { readU16, readU32, writeU16, writeU32 } from './reply.ts'

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

/** An answer is refreshed in the last tenth of its lifetime, if its lifetime is at least this long. */
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

// The cacheable part of an answer: the octets that every client with the same question may get, and their lifetime
// (RFC 2181 §8, RFC 2308 §5, RFC 8767 §4).

export type Found = {
  /** Header, question, and records; without the OPT record, which is hop by hop (RFC 6891 §6.1.1). */
  readonly octets: Uint8Array
  readonly rcode: number
  /** Whether an answer is a CNAME record. */
  readonly hasAlias: boolean
  /** Offsets of the TTLs, each of which is at most the maximum. */
  readonly ttlAt: readonly number[]
  /** The minimum of the TTLs; 0 for an answer that only the waiting clients get. */
  readonly lifeSeconds: number
}

/** RFC 8767 §4 allows a week; after a day, clients see that a server has moved. */
const maxSeconds = 86_400

/** RFC 2308 §5: "values of one to three hours have been found to work well". */
const maxNegativeSeconds = 10_800

/** Octets of TTL and RDLENGTH, which precede the RDATA. */
const ttlBeforeRdata = 6

/**
 * @param message an answer that is not truncated
 * @throws {MalformedPacket} when it is not a whole message
 */
export function readFound(message: Uint8Array, layout: Layout = walkMessage(message)): Found {
  if (layout.questions !== 1) throw new MalformedPacket(`${layout.questions} questions, expected 1`, 4)
  const octets = withoutOpt(message, layout)
  const rcode = readU16(octets, 2) & 15
  const isNegative = !isAnswered(octets, layout, rcode)
  const kept = [...layout.answers, ...layout.authority, ...layout.additional].filter(
    ({ end }) => end <= octets.length,
  )
  const soa = isNegative ? layout.authority.find(({ type }) => type === RecordType.SOA) : undefined
  const ttls = kept.map((position) => {
    const at = position.start - ttlBeforeRdata
    const max =
      position === soa ? Math.min(maxNegativeSeconds, readU32(octets, position.end - 4)) : maxSeconds
    const ttl = Math.min(readU32(octets, at), max)
    writeU32(octets, at, ttl)
    return { at, ttl }
  })
  // A negative answer without SOA has no lifetime (RFC 2308 §5), and a referral is not an answer.
  const canBeKept = !isNegative || soa !== undefined
  return {
    octets,
    rcode,
    hasAlias: layout.answers.some(({ type }) => type === RecordType.CNAME),
    ttlAt: ttls.map(({ at }) => at),
    lifeSeconds: canBeKept ? Math.min(...ttls.map(({ ttl }) => ttl)) : 0,
  }
}

/** Whether the answer has a record of the queried type, perhaps after CNAME records (RFC 2308 §2.2). */
function isAnswered(octets: Uint8Array, { questionEnd, answers }: Layout, rcode: number): boolean {
  if (rcode !== ResponseCode.noError) return false
  const qtype = readU16(octets, questionEnd - 4)
  return answers.some(({ type }) => type === qtype || qtype === RecordType.ANY)
}

/**
 * Returns a copy that ends before the OPT record. OPT is nearly always the last record; records after it belong to
 * the additional section, which an answer does not need (RFC 2181 §9).
 */
function withoutOpt(
  message: Uint8Array,
  { additional, authority, answers, questionEnd }: Layout,
): Uint8Array {
  const index = additional.findIndex(({ type }) => type === RecordType.OPT)
  const kept = index === -1 ? additional : additional.slice(0, index)
  const before: Pick<RecordPosition, 'end'> = [...answers, ...authority, ...kept].at(-1) ?? {
    end: questionEnd,
  }
  const octets = new Uint8Array(message.subarray(0, before.end)) // a Buffer's slice would be a view
  writeU16(octets, 10, kept.length)
  return octets
}
