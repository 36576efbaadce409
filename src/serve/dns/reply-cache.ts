/**
 * Replies to repeated queries over UDP: a reply from the zones depends only on the plan, on the octets of the query after
 * its ID, and on whether the client may query other names. Nodes send the same few queries again and again. Memory is
 * allocated once, and a new plan empties it.
 */
import type { DnsPlan } from '../../plan/dns/plan.ts'

export type ReplyCache = {
  /**
   * Writes the reply to a query that was seen before.
   *
   * @returns its length, or 0; `outcome` then has the value that was given for it
   */
  find(plan: DnsPlan, mayForward: boolean, query: Uint8Array, out: Uint8Array): number
  /** The outcome of the last reply that was found. */
  outcome(): number
  /**
   * Keeps the reply to the query of the last call of `find`, if the query was seen before: queries that are sent once must
   * not replace those that are repeated.
   */
  keep(query: Uint8Array, reply: Uint8Array, outcome: number): void
}

/** Enough for the names that the nodes of a large site query at a time. */
const entries = 4096

/** Longer queries and replies are answered from the zones each time. */
const maxQueryOctets = 128
const maxReplyOctets = 384
const entryOctets = maxQueryOctets + maxReplyOctets

/** FNV-1a */
const hashStart = 0x811c9dc5
const hashPrime = 0x01000193

export function createReplyCache(): ReplyCache {
  const memory = new Uint8Array(entries * entryOctets)
  const replyOctets = new Uint16Array(entries)
  const queryOctets = new Uint8Array(entries)
  const outcomes = new Uint8Array(entries)
  /** The hash of the query that has the entry, or that was seen last. */
  const hashes = new Int32Array(entries)
  let filledFor: DnsPlan | undefined
  let hash = 0
  let outcome = 0

  function hashOf(query: Uint8Array, mayForward: boolean): number {
    let value = mayForward ? hashStart : ~hashStart
    for (let at = 2; at < query.length; at++) value = Math.imul(value ^ (query[at] as number), hashPrime)
    // 0 is an entry without a query.
    return (value ^ (value >>> 15)) | 1
  }

  /** The first two octets of an entry are not those of an ID: they have the permission of the client. */
  function isSame(query: Uint8Array, mayForward: boolean, at: number): boolean {
    if (memory[at] !== Number(mayForward)) return false
    for (let index = 2; index < query.length; index++) if (query[index] !== memory[at + index]) return false
    return true
  }

  let isForwarder = false

  return {
    outcome: () => outcome,

    find(plan, mayForward, query, out) {
      if (plan !== filledFor) {
        filledFor = plan
        hashes.fill(0)
        replyOctets.fill(0)
      }
      hash = 0
      if (query.length > maxQueryOctets) return 0
      hash = hashOf(query, mayForward)
      isForwarder = mayForward
      const entry = (hash >>> 1) & (entries - 1)
      const length = replyOctets[entry] as number
      const at = entry * entryOctets
      if (length === 0 || hashes[entry] !== hash || queryOctets[entry] !== query.length) return 0
      if (!isSame(query, mayForward, at)) return 0
      const from = at + maxQueryOctets
      for (let index = 2; index < length; index++) out[index] = memory[from + index] as number
      out[0] = query[0] as number
      out[1] = query[1] as number
      outcome = outcomes[entry] as number
      return length
    },

    keep(query, reply, nextOutcome) {
      if (hash === 0 || reply.length > maxReplyOctets) return
      const entry = (hash >>> 1) & (entries - 1)
      if (hashes[entry] !== hash) {
        hashes[entry] = hash
        replyOctets[entry] = 0
        return
      }
      const at = entry * entryOctets
      memory.set(query, at)
      memory[at] = Number(isForwarder)
      memory.set(reply, at + maxQueryOctets)
      queryOctets[entry] = query.length
      replyOctets[entry] = reply.length
      outcomes[entry] = nextOutcome
    },
  }
}
