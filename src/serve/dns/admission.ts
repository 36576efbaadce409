/**
 * Response rate limiting, so that forged questions do not make this server flood somebody else: UDP replies to
 * one network are held back above a rate, and every other of those is sent without its records and with TC, for
 * real clients to come by TCP (ISC-TN-2012-1).
 */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { parseIpv6, ipv6Octets } from '../../proto/address/ipv6.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { cidrContains, parseCidr, parseIpv4, type Cidr } from '../../proto/address/ipv4.ts'

export type RateDecision = 'send' | 'slip' | 'drop'

export type RateLimit = {
  /** @param address the client's, which may be forged */
  judge(address: string): RateDecision
}

/** An office full of administrators asks less; a flood at this rate is none. */
const perSecond = 50
const intervalMs = 1000 / perSecond

/** So much earlier than its turn a reply may be sent: a burst of one second's worth. */
const burstMs = 1000

/** Networks that are counted; those who asked longest ago are forgotten first. */
const mostNetworks = 16_384

/** A storm is over when nothing was held back for so long. */
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
  /** When the next reply to each network would be due, if they were spread evenly; in the order of use. */
  const dueAt = new Map<string, number>()
  let stormUntil = -Infinity
  let heldBack = 0

  function note(network: string): void {
    const now = clock.monotonic()
    if (now >= stormUntil) {
      const facts = { network, perSecond, reason: 'more replies than a client of this network would want' }
      log.warn(facts, 'replies are held back: somebody floods this server, or another by means of it')
    }
    stormUntil = now + calmMs
  }

  return {
    judge(address) {
      const network = networkOf(address)
      const now = clock.monotonic()
      const due = Math.max(now, dueAt.get(network) ?? now)
      dueAt.delete(network)
      if (due - now < burstMs) {
        dueAt.set(network, due + intervalMs)
        if (dueAt.size > mostNetworks) for (const oldest of dueAt.keys()) return forget(oldest)
        return 'send'
      }
      dueAt.set(network, due)
      note(network)
      const verdict = ++heldBack % 2 === 0 ? 'slip' : 'drop'
      counters.increment(verdict === 'slip' ? 'dns.rateSlipped' : 'dns.rateDropped')
      return verdict
    },
  }

  function forget(network: string): 'send' {
    dueAt.delete(network)
    return 'send'
  }
}

/** The /24 of an IPv4 address and the /56 of an IPv6 address: what one site has, and who floods has many of. */
export function networkOf(address: string): string {
  const ipv6 = address.includes(':') ? parseIpv6(address.replace(/%.*/, '')) : undefined
  if (ipv6 === undefined) return `${address.slice(0, address.lastIndexOf('.'))}.0/24`
  return `${Buffer.from(ipv6Octets(ipv6)).toString('hex', 0, 7)}::/56`
}

/** Who may have other names resolved: the site's clients and this machine itself. */

/** Whether other names are resolved for the client at `address` (as a socket gives it). */
export type Access = (plan: DnsPlan, address: string) => boolean

const loopback = parseCidr('127.0.0.0/8') as Cidr

/** Addresses that are remembered; a flood from more of them only makes each cost a comparison again. */
const mostAddresses = 4096

/** The same few hundred machines ask again and again, so the last decisions are kept for as long as the plan is. */
export function createAccess(): Access {
  let decidedFor: DnsPlan | undefined
  const decisions = new Map<string, boolean>()
  return (plan, address) => {
    if (decidedFor !== plan || decisions.size >= mostAddresses) decisions.clear()
    decidedFor = plan
    const known = decisions.get(address)
    if (known !== undefined) return known
    const decided = mayForward(plan, address)
    decisions.set(address, decided)
    return decided
  }
}

function mayForward(plan: DnsPlan, address: string): boolean {
  if (address === plan.listen.address || address === '::1') return true
  const ipv4 = parseIpv4(address)
  if (ipv4 === undefined) return false // dns.clients are IPv4 networks
  return cidrContains(loopback, ipv4) || plan.clients.some((cidr) => cidrContains(cidr, ipv4))
}
