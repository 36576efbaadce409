/**
 * Admission of clients: the clients that the server resolves other names for, and the response rate limit for all
 * others (ISC-TN-2012-1), so that forged queries do not make this server flood a third party.
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import {
  parseIpv6,
  ipv6Octets,
  cidrContains,
  parseCidr,
  parseIpv4,
  type Cidr,
} from '../../proto/address/ip.ts'
import { cidr6Contains } from '../../proto/address/network6.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import type { DnsCode } from './codes.ts'

/** `slip`: send the reply without records and with TC, so that a real client retries over TCP. */
export type RateDecision = 'send' | 'slip' | 'drop'

export type RateLimit = {
  /** @param address of the client, which may be forged */
  decide(address: string): RateDecision
}

/** An office of administrators sends fewer queries; a flood sends more. */
const perSecond = 50
const intervalMs = 1000 / perSecond

/** A network may send one second of replies in a burst. */
const burstMs = 1000

/** The networks that are counted; the least recently active one is forgotten first. */
const maxNetworks = 16_384

/** A flood has ended when no reply was held back for this time. */
const calmMs = 60_000

export function createRateLimit({
  clock,
  log,
  counters,
}: {
  readonly clock: Pick<Clock, 'monotonic'>
  readonly log: Log
  readonly counters: Counters
}): RateLimit {
  /** When the next reply to each network is due at an even rate; in order of use. */
  const dueAt = new Map<string, number>()
  let floodUntil = -Infinity
  let heldBack = 0

  function warn(network: string): void {
    const now = clock.monotonic()
    if (now >= floodUntil) {
      const code: DnsCode = 'dns.rate-limited'
      const reason = `${network} sends more than ${perSecond} queries a second`
      log.warn({ code, network, perSecond, reason }, 'DNS replies rate-limited')
    }
    floodUntil = now + calmMs
  }

  return {
    decide(address) {
      const network = networkOf(address)
      const now = clock.monotonic()
      const due = Math.max(now, dueAt.get(network) ?? now)
      dueAt.delete(network)
      if (due - now < burstMs) {
        dueAt.set(network, due + intervalMs)
        if (dueAt.size > maxNetworks) forgetOldest()
        return 'send'
      }
      dueAt.set(network, due)
      warn(network)
      counters.refuse('dns.rate-limited' satisfies DnsCode)
      const decision = ++heldBack % 2 === 0 ? 'slip' : 'drop'
      counters.increment(decision === 'slip' ? 'dns.rateSlipped' : 'dns.rateDropped')
      return decision
    },
  }

  function forgetOldest(): void {
    const [oldest] = dueAt.keys()
    if (oldest !== undefined) dueAt.delete(oldest)
  }
}

/** Returns the /24 of an IPv4 address, the /56 of an IPv6 address: a flood comes from many addresses of one network. */
export function networkOf(address: string): string {
  const ipv6 = address.includes(':') ? parseIpv6(address.replace(/%.*/, '')) : undefined
  if (ipv6 === undefined) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`
  return `${Buffer.from(ipv6Octets(ipv6)).toString('hex', 0, 7)}::/56`
}

/** What the plan allows a client. */
export type ClientPermissions = {
  /** Whether the server resolves other names for it. */
  readonly mayForward: boolean
  /** Whether it is a declared node, a secondary, or this machine. */
  readonly isKnown: boolean
  /** Whether it may transfer zones. */
  readonly isSecondary: boolean
}

/** Returns the permissions of the client at `address` (in the text of a socket). */
export type Access = (plan: DnsPlan, address: string) => ClientPermissions

const loopback = parseCidr('127.0.0.0/8') as Cidr

/** The number of clients whose permissions are cached; a flood from more addresses costs some comparisons for each query. */
const maxAddresses = 4096

/** The same few hundred machines send all queries, so their permissions are cached as long as the plan. */
export function createAccess(): Access {
  let decidedFor: DnsPlan | undefined
  const cached = new Map<string, ClientPermissions>()
  return (plan, address) => {
    if (decidedFor !== plan || cached.size >= maxAddresses) cached.clear()
    decidedFor = plan
    const known = cached.get(address)
    if (known !== undefined) return known
    const isSecondary = plan.secondaries.some((secondary) => secondary.address === address)
    const isKnown = isSecondary || plan.nodeByAddress.has(address) || isThisMachine(plan, address)
    const decided = { mayForward: mayForward(plan, address), isKnown, isSecondary }
    cached.set(address, decided)
    return decided
  }
}

function isThisMachine({ listen, ipv6 }: DnsPlan, address: string): boolean {
  const isOwn = address === listen.address || address === ipv6?.address
  return isOwn || address === '::1' || address.startsWith('127.')
}

function mayForward(plan: DnsPlan, address: string): boolean {
  if (isThisMachine(plan, address)) return true
  const ipv4 = parseIpv4(address)
  if (ipv4 === undefined) return isOnNetwork6(plan, address)
  return cidrContains(loopback, ipv4) || plan.clients.some((cidr) => cidrContains(cidr, ipv4))
}

function isOnNetwork6({ ipv6 }: DnsPlan, address: string): boolean {
  const parsed = parseIpv6(address)
  if (parsed === undefined || ipv6 === undefined) return false
  const octets = ipv6Octets(parsed)
  return ipv6.clients.some((network) => cidr6Contains(network, octets))
}
