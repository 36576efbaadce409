/** IPv6 networks, and whether they fit the server. */
import { ipv6Octets, isIpv4, type Ip } from '../../proto/address/ip.ts'
import { cidr6Contains, cidr6Overlaps, isUnicast6, type Cidr6 } from '../../proto/address/network6.ts'
import type { RuleViolation, Rule } from '../problem.ts'
import type { Site } from '../schema.ts'

/** Returns whether DHCPv6 can reserve an address. */
export function isInSubnet6({ subnets6 }: Pick<Site, 'subnets6'>, address: Ip): boolean {
  return !isIpv4(address) && subnets6.some(({ cidr }) => cidr6Contains(cidr, ipv6Octets(address)))
}

/** A prefix below /32 is a typing error. */
function isMachineNetwork({ prefix, octets }: Cidr6): boolean {
  return prefix >= 32 && prefix <= 126 && isUnicast6(octets)
}

const anySubnet: Rule = {
  code: 'site.subnets-missing',
  needs: ['subnets', 'subnets6'],
  check: ({ subnets, subnets6 }) =>
    subnets.length + subnets6.length > 0
      ? []
      : [
          {
            path: ['subnets'],
            message: 'missing, expected the networks of the nodes in subnets or subnets6',
          },
        ],
}

const subnet6Size: Rule = {
  code: 'site.subnet6-size',
  needs: [],
  check: ({ subnets6 }) =>
    subnets6.flatMap(({ cidr }, index): RuleViolation[] =>
      isMachineNetwork(cidr)
        ? []
        : [
            {
              path: ['subnets6', index, 'cidr'],
              expected: 'a unicast network from /32 to /126, not a link-local one',
            },
          ],
    ),
}

const separateSubnets6: Rule = {
  code: 'site.subnet6-overlap',
  needs: [],
  check: ({ subnets6 }) =>
    subnets6.flatMap(({ cidr }, index): RuleViolation[] => {
      const before = subnets6.slice(0, index).findIndex((other) => cidr6Overlaps(other.cidr, cidr))
      if (before === -1) return []
      const expected = 'a network that does not overlap another: each address must have one network'
      return [{ path: ['subnets6', index, 'cidr'], expected, other: ['subnets6', before, 'cidr'] }]
    }),
}

const serverAddress6: Rule = {
  code: 'site.subnet6-without-address6',
  needs: ['server', 'subnets6'],
  check: ({ server, subnets6 }) =>
    subnets6.length === 0 || server.address6 !== undefined
      ? []
      : [
          {
            path: ['server', 'address6'],
            message: 'missing, expected the IPv6 address of this machine, because subnets6 declares networks',
            other: ['subnets6', 0],
          },
        ],
}

const advertisingInterface: Rule = {
  code: 'site.radvd-without-interface',
  needs: ['server', 'subnets6'],
  check: ({ server, subnets6 }) =>
    subnets6.flatMap(({ routerAdvertisements }, index): RuleViolation[] =>
      routerAdvertisements === undefined || (routerAdvertisements.interface ?? server.interface) !== undefined
        ? []
        : [
            {
              path: ['subnets6', index, 'routerAdvertisements', 'interface'],
              message:
                'missing, expected the interface that radvd sends on, because server.interface is not set',
            },
          ],
    ),
}

export const network6Rules = [anySubnet, subnet6Size, separateSubnets6, serverAddress6, advertisingInterface]
