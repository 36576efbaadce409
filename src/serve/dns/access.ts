/** Who may have other names resolved: the site's clients and this machine itself. */
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { cidrContains, parseCidr, parseIpv4, type Cidr } from '../../proto/address/ipv4.ts'

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
