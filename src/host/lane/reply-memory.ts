/**
 * Replies that a lane sends again for a message that differs from an earlier one only in its transaction ID, which request
 * and reply have at the same place. It may keep only replies that depend on nothing but the plan, the message, and its sender.
 */
import type { Clock } from '../clock.ts'
import type { Peer } from './loop.ts'

export type ReplyMemory<Known> = {
  /**
   * Writes the reply to a message that was kept, with the transaction of this message.
   *
   * @returns what was kept with it
   */
  find(message: Uint8Array, peer: Peer, out: Uint8Array): Known | undefined
  /** What was kept with the same reply to the same message stays. */
  keep(message: Uint8Array, peer: Peer, reply: Uint8Array, known: Known): void
  /** Forgets all: call it when a reply can be another one. */
  clear(): void
}

/** Replies to a thousand nodes that repeat two messages each. */
const entries = 2048
const maxMessageOctets = 512
const maxReplyOctets = 640
const entryOctets = maxMessageOctets + maxReplyOctets

/** A reply also depends on the addresses of the interfaces, which are read again from time to time. */
const maxAgeMs = 1000

/** The octets at both ends that differ between messages: the addresses and identifiers of the client, and the requested address. */
const headOctets = 48
const tailOctets = 32

/** FNV-1a */
const hashStart = 0x811c9dc5
const hashPrime = 0x01000193

type Entry<Known> = {
  /** When it was last the reply. */
  at: number
  readonly hash: number
  readonly from: Pick<Peer, 'address' | 'port' | 'socket'>
  readonly message: Uint8Array
  readonly reply: Uint8Array
  readonly known: Known
}

/** @param transaction where its octets begin and end */
export function createReplyMemory<Known>(
  clock: Pick<Clock, 'monotonic'>,
  [begin, end]: readonly [begin: number, end: number],
): ReplyMemory<Known> {
  // The system provides a page when it is written, so it takes memory only in a flood.
  const memory = new Uint8Array(entries * entryOctets)
  const byHash = new Map<number, number>()
  const kept = new Array<Entry<Known> | undefined>(entries).fill(undefined)
  let next = 0

  function hashOf(message: Uint8Array): number {
    const { length } = message
    const head = Math.min(headOctets, length)
    let hash = hashStart ^ length
    for (let at = 0; at < begin; at++) hash = Math.imul(hash ^ (message[at] as number), hashPrime)
    for (let at = end; at < head; at++) hash = Math.imul(hash ^ (message[at] as number), hashPrime)
    for (let at = Math.max(head, length - tailOctets); at < length; at++) {
      hash = Math.imul(hash ^ (message[at] as number), hashPrime)
    }
    return hash
  }

  function isSame({ message, from }: Entry<Known>, other: Uint8Array, peer: Peer): boolean {
    if (from.port !== peer.port || from.socket !== peer.socket || from.address !== peer.address) return false
    return isEqual(message, other)
  }

  /** @param kept gets the transaction of the other one */
  function isEqual(kept: Uint8Array, other: Uint8Array): boolean {
    if (kept.length !== other.length) return false
    for (let at = begin; at < end; at++) kept[at] = other[at] as number
    return Buffer.compare(kept, other) === 0
  }

  return {
    find(message, peer, out) {
      if (byHash.size === 0 || message.length > maxMessageOctets) return undefined
      const slot = byHash.get(hashOf(message))
      const entry = slot === undefined ? undefined : kept[slot]
      if (entry === undefined || !isSame(entry, message, peer)) return undefined
      if (clock.monotonic() - entry.at >= maxAgeMs) return undefined
      out.set(entry.reply)
      for (let at = begin; at < end; at++) out[at] = message[at] as number
      return entry.known
    },
    keep(message, peer, reply, known) {
      if (message.length > maxMessageOctets || reply.length > maxReplyOctets) return
      const hash = hashOf(message)
      const slot = byHash.get(hash) ?? next++ % entries
      const before = kept[slot]
      // In a flood, each reply is made again once a second: new objects would live long enough to cost a full collection.
      if (before !== undefined && isSame(before, message, peer) && isEqual(before.reply, reply)) {
        before.at = clock.monotonic()
        return
      }
      if (before !== undefined) byHash.delete(before.hash)
      byHash.set(hash, slot)
      const start = slot * entryOctets
      const copyOf = (octets: Uint8Array, offset: number): Uint8Array => {
        memory.set(octets, offset)
        return memory.subarray(offset, offset + octets.length)
      }
      const { address, port, socket } = peer
      kept[slot] = {
        ...{ at: clock.monotonic(), hash, from: { address, port, socket }, known },
        message: copyOf(message, start),
        reply: copyOf(reply, start + maxMessageOctets),
      }
    },
    clear() {
      byHash.clear()
      kept.fill(undefined)
      next = 0
    },
  }
}
