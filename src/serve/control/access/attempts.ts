/**
 * Failed logins of each sender. After too many, slipway does not check further credentials from that sender for a
 * minute. Both the time and the number of remembered senders are limited.
 */
import type { Clock } from '../../../host/clock.ts'
import { ipv6Octets, parseIpv6 } from '../../../proto/address/ip.ts'

export type Attempts = {
  /** Returns how long the sender is locked out, in milliseconds; 0 if it is not. */
  lockedFor(sender: string): number
  /** @returns whether the sender is locked out from now on */
  fail(sender: string): boolean
}

const maxFailures = 10
const windowMs = 60_000
const maxSenders = 4096

export function createAttempts(clock: Pick<Clock, 'monotonic'>): Attempts {
  const failures = new Map<string, { count: number; until: number }>()

  function current(sender: string): { count: number; until: number } | undefined {
    const entry = failures.get(sender)
    if (entry === undefined || clock.monotonic() < entry.until) return entry
    failures.delete(sender)
    return undefined
  }

  return {
    lockedFor(sender) {
      const entry = current(networkOf(sender))
      return entry === undefined || entry.count < maxFailures ? 0 : entry.until - clock.monotonic()
    },
    fail(sender) {
      const network = networkOf(sender)
      const count = (current(network)?.count ?? 0) + 1
      failures.delete(network)
      failures.set(network, { count, until: clock.monotonic() + windowMs })
      if (failures.size > maxSenders) failures.delete(failures.keys().next().value as string)
      return count === maxFailures
    },
  }
}

/** Returns an IPv4 address, or the /64 of an IPv6 address: a machine can use all addresses of its network. */
function networkOf(sender: string): string {
  const address = parseIpv6(sender)
  return address === undefined ? sender : ipv6Octets(address).slice(0, 8).join('.')
}
