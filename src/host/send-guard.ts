/**
 * Decides which datagrams a UDP socket may send now, so that destinations that do not answer cannot hold up the others.
 * The kernel holds datagrams for an unresolved neighbor for up to 3 s and charges them to the socket's send buffer;
 * when that is full, all replies of the socket wait. Therefore unresolved neighbors share a small part of the buffer,
 * and the queue in front of a full buffer is bounded, in total and for each destination.
 */
import type { Clock } from './clock.ts'
import type { HostCode } from './codes.ts'
import type { Counters } from './counters.ts'
import type { Log } from './log.ts'
import { createNeighbors, type Neighbors } from './neighbors.ts'

export type SendGuard = {
  /** Whether nothing keeps the kernel from sending to a destination at once. */
  isReachable(address: string): boolean
  /**
   * Returns why a datagram must be dropped; `undefined` when it can be sent.
   *
   * @param queued how many datagrams wait because the socket's buffer is full
   */
  refusal(address: string, octets: number, queued: number): HostCode | undefined
  /** Must be called when a datagram that was sent while others waited has left the queue. */
  sent(address: string): void
}

/** How many datagrams wait for a full send buffer: bursts of transfers fit, and memory stays below 1 MiB. */
const maxQueued = 256
const maxQueuedOfDestination = 64

/** How long the kernel looks for a neighbor: three requests, one second each (arp(7), mcast_solicit). */
const resolutionMs = 3500
/** The kernel's own memory for a small datagram (skb truesize), rounded up. */
const overheadOctets = 1024
/** The maximum in that time to one unresolved neighbor: enough for a machine that answers the first request. */
const maxUnresolvedOfDestination = 8
/** The bound of the map of unresolved destinations. */
const maxUnresolvedDestinations = 1024

/** @param bufferOctets the socket's send buffer (SO_SNDBUF) */
export function createSendGuard(bufferOctets: number, neighbors: Neighbors, clock: Clock): SendGuard {
  /** What unresolved neighbors may occupy: with refilling, never more than half of the buffer. */
  const budget = bufferOctets / 4
  let available = budget
  let refilledAt = clock.monotonic()
  let period = { startedAt: Number.NEGATIVE_INFINITY, sent: new Map<string, number>() }
  const queuedByDestination = new Map<string, number>()

  function hasBudget(address: string, octets: number): boolean {
    const now = clock.monotonic()
    available = Math.min(budget, available + ((now - refilledAt) * budget) / resolutionMs)
    refilledAt = now
    if (now - period.startedAt >= resolutionMs) period = { startedAt: now, sent: new Map() }
    const sent = period.sent.get(address) ?? 0
    const cost = octets + overheadOctets
    if (sent >= maxUnresolvedOfDestination || available < cost) return false
    if (period.sent.size < maxUnresolvedDestinations) period.sent.set(address, sent + 1)
    available -= cost
    return true
  }

  return {
    isReachable: (address) => neighbors.stateOf(address) === 'reachable',
    refusal(address, octets, queued) {
      if (queued > 0) {
        const ofDestination = queuedByDestination.get(address) ?? 0
        if (queued >= maxQueued || ofDestination >= maxQueuedOfDestination) return 'server.send-queue-full'
      }
      if (neighbors.stateOf(address) === 'unresolved' && !hasBudget(address, octets)) {
        return 'server.neighbor-unresolved'
      }
      if (queued > 0) queuedByDestination.set(address, (queuedByDestination.get(address) ?? 0) + 1)
      return undefined
    },
    sent(address) {
      const count = (queuedByDestination.get(address) ?? 1) - 1
      if (count === 0) queuedByDestination.delete(address)
      else queuedByDestination.set(address, count)
    },
  }
}

/** What all sockets of the process share to guard their sending. */
export type Sending = {
  /** @param bufferOctets the socket's send buffer */
  guard(bufferOctets: number): SendGuard
  /** Called for each datagram that was not sent, with its destination. */
  dropped(code: HostCode, address: string): void
}

/** How often dropped replies are logged. */
const logIntervalMs = 10_000

/** Guards the sockets of this machine, and counts and logs the dropped replies. */
export function createSending(options: {
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  readonly neighbors?: Neighbors
}): Sending {
  const { clock, counters, log, neighbors = createNeighbors(clock) } = options
  /** Drops that were not logged yet, with the last destination: a forged flood has too many of them to list. */
  const pending = new Map<HostCode, { count: number; client: string }>()
  let loggedAt = Number.NEGATIVE_INFINITY

  return {
    guard: (bufferOctets) => createSendGuard(bufferOctets, neighbors, clock),
    dropped(code, client) {
      counters.increment('udp.dropped')
      counters.refuse(code)
      pending.set(code, { count: (pending.get(code)?.count ?? 0) + 1, client })
      const now = clock.monotonic()
      if (now - loggedAt < logIntervalMs) return
      loggedAt = now
      for (const [each, drops] of pending) log.warn({ code: each, ...drops }, 'replies dropped')
      pending.clear()
    },
  }
}
