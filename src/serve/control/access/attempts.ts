/**
 * Failed logins of each sender. After too many different tokens, slipway checks no token of that sender for a minute. A
 * program that repeats an expired token does not lock out others with its address. Time and memory are limited.
 */
import type { Clock } from '../../../host/clock.ts'
import { ipv6Octets, parseIpv6 } from '../../../proto/address/ip.ts'
import { hashOf } from './store.ts'

export type Attempts = {
  /** Returns how long the sender is locked out, in milliseconds; 0 if it is not. */
  lockedFor(sender: string): number
  /** @returns whether the sender is locked out from now on */
  fail(sender: string, token: string): boolean
}

const maxFailures = 10
const windowMs = 60_000
const maxSenders = 4096

export function createAttempts(clock: Pick<Clock, 'monotonic'>): Attempts {
  /** By sender: the hashes of wrong tokens, and when they are forgotten. */
  const failures = new Map<string, { readonly tokens: Set<string>; until: number }>()

  function current(network: string) {
    const entry = failures.get(network)
    if (entry === undefined || clock.monotonic() < entry.until) return entry
    failures.delete(network)
    return undefined
  }

  return {
    lockedFor(sender) {
      const entry = current(networkOf(sender))
      return entry === undefined || entry.tokens.size < maxFailures ? 0 : entry.until - clock.monotonic()
    },
    fail(sender, token) {
      const network = networkOf(sender)
      const tokens = (current(network)?.tokens ?? new Set<string>()).add(hashOf(token))
      failures.delete(network)
      failures.set(network, { tokens, until: clock.monotonic() + windowMs })
      if (failures.size > maxSenders) failures.delete(failures.keys().next().value as string)
      return tokens.size === maxFailures
    },
  }
}

/** Returns an IPv4 address, or the /64 of an IPv6 address: a machine can use all addresses of its network. */
function networkOf(sender: string): string {
  const address = parseIpv6(sender)
  return address === undefined ? sender : ipv6Octets(address).slice(0, 8).join('.')
}
