/** The addresses for undeclared machines: in one subnet that slipway leases, and used by no declared machine. */
import { formatIp, formatIpv4, isHostAddress, isIpv4, parseIpv4, type Ip } from '../../proto/address/ip.ts'
import {
  declaredAddresses,
  declaredClusters,
  declaredNodes,
  loadBalancerAddresses,
  machines,
  type DeclaredAddress,
} from '../declared.ts'
import type { Path, Rule, RuleViolation } from '../problem.ts'
import type { Site } from '../schema.ts'

const maxAddresses = 256

const smallRange: Rule = {
  code: 'site.inventory-range',
  needs: ['subnets', 'inventory'],
  check({ subnets, inventory }): RuleViolation[] {
    if (inventory === undefined) return []
    const { from, to } = inventory.addresses
    const path = ['inventory', 'addresses']
    const index = subnets.findIndex(({ cidr }) => isHostAddress(cidr, from))
    const subnet = subnets[index]
    if (subnet === undefined) {
      return [{ path: [...path, 'from'], expected: 'a host address in one of the subnets' }]
    }
    if (subnet.dhcp === 'proxy') {
      const expected =
        'an address in a subnet with dhcp: full: another DHCP server leases the addresses of this one'
      return [{ path: [...path, 'from'], expected, other: ['subnets', index] }]
    }
    const max = Math.min(from + maxAddresses - 1, subnet.cidr.broadcast - 1)
    if (to >= from && to <= max) return []
    const expected = `an address from ${formatIpv4(from)} to ${formatIp(max as Ip)}: at most ${maxAddresses} addresses in the same subnet`
    return [{ path: [...path, 'to'], expected }]
  },
}

const freeAddresses: Rule = {
  code: 'site.inventory-address-taken',
  needs: ['server', 'inventory'],
  check(site): RuleViolation[] {
    if (site.inventory === undefined) return []
    const { from, to } = site.inventory.addresses
    const taken = usedAddresses(site).find(
      ({ address }) => isIpv4(address) && address >= from && address <= to,
    )
    if (taken === undefined) return []
    const range = `${formatIpv4(from)} to ${formatIpv4(to)}`
    const expected = `a range without ${formatIp(taken.address)}, which is declared for another use`
    return [{ path: ['inventory', 'addresses'], got: range, expected, other: taken.path }]
  },
}

/** Returns the addresses that the site names for any use. */
function usedAddresses(site: Site): DeclaredAddress[] {
  const { server, subnets, dns } = site
  const at = (path: Path, addresses: readonly Ip[] | undefined) => declaredAddresses(path, addresses)
  return [
    ...at(['server', 'address'], [server.address]),
    ...at(['server', 'peers'], server.peers),
    ...subnets.flatMap(({ gateway, relays, dns: resolvers, ntp, routes }, index) => [
      ...at(['subnets', index, 'gateway'], gateway === undefined ? [] : [gateway]),
      ...at(['subnets', index, 'relays'], relays),
      ...at(['subnets', index, 'dns'], resolvers),
      ...at(['subnets', index, 'ntp'], ntp),
      ...at(
        ['subnets', index, 'routes'],
        routes.map(({ via }) => via),
      ),
    ]),
    ...machines(site).flatMap(({ path, addresses }) => at([...path, 'address'], addresses)),
    ...declaredNodes(site).flatMap(({ path, node }) => at([...path, 'bmc'], bmcAddresses(node.bmc?.address))),
    ...declaredClusters(site).flatMap(loadBalancerAddresses),
    ...dns.records.flatMap(({ address }, index) => at(['dns', 'records', index, 'address'], address)),
  ]
}

/** Returns the IPv4 address in the URL of a BMC, if there is one. */
function bmcAddresses(url = ''): Ip[] {
  const host = /^(?:[^/]*\/\/)?(?:[^/@]*@)?([\d.]+)/.exec(url)?.[1]
  const address = host === undefined ? undefined : parseIpv4(host)
  return address === undefined ? [] : [address]
}

/** Servers do not share the leases of undeclared machines. */
const oneServer: Rule = {
  code: 'site.inventory-servers',
  needs: ['server', 'inventory'],
  check: ({ server, inventory }) =>
    inventory === undefined || server.peers.length === 0 || server.installer !== undefined
      ? []
      : [
          {
            path: ['inventory'],
            at: 'key',
            message:
              'server.peers would lease the same addresses: set server.installer, so that only that server boots undeclared machines',
            other: ['server', 'peers'],
          },
        ],
}

export const inventoryRules = [smallRange, freeAddresses, oneServer]
