/** Finds subnets whose nodes may get no DHCP answers, because this machine is not on their network. Pure. */
import { cidrContains, formatCidr, type Cidr } from '../../proto/address/ip.ts'
import type { PlanFinding } from '../codes.ts'
import type { DhcpPlan } from './plan.ts'

/**
 * Returns a warning for each subnet without an address on an interface, unless the site names its relay agents or a segment
 * that it shares with an attached subnet. Relay agents are optional in the site file, so the subnet may work.
 *
 * @param isAttached whether an interface of this machine has an address in the network; true where that is not known
 */
export function detachedSubnets(
  { relays, segments, server }: Pick<DhcpPlan, 'relays' | 'segments' | 'server'>,
  isAttached: (network: Cidr) => boolean,
): PlanFinding[] {
  const isHere = (network: Cidr) => cidrContains(network, server) || isAttached(network)
  return relays.flatMap(({ network, agents }): PlanFinding[] => {
    const segment = segments.find((each) => each.includes(network)) ?? []
    if (agents.length > 0 || isHere(network) || segment.some(isHere)) return []
    const message =
      'no interface of this machine has an address in it, so its nodes get DHCP answers only through a relay agent: list the agents in relays, or set the same segment as in the subnet whose network it shares'
    return [
      {
        code: 'dhcp.subnet-not-attached',
        severity: 'warning',
        about: `subnet ${formatCidr(network)}`,
        message,
      },
    ]
  })
}
