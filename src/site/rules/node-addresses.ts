/** The addresses, routes, and resolvers of the section `network`: whether a node gets its own address, and can use the routes. */
import { cidrContains, formatIp, ipv6Octets, isIpv4, type Ip } from '../../proto/address/ip.ts'
import { cidr6Contains } from '../../proto/address/network6.ts'
import { machines } from '../declared.ts'
import {
  addressesOf,
  familyOf,
  hasFamily,
  isDynamic,
  resolverOwner,
  type NodeNetwork,
} from '../node-network.ts'
import type { Rule, RuleViolation } from '../problem.ts'
import type { Site } from '../schema.ts'
import { networkRule, networks } from './node-network.ts'

const ownAddress = networkRule('site.network-address-missing', ({ declared: { node }, network, at }) =>
  node.address.flatMap((address): RuleViolation[] => {
    const family = familyOf(address)
    const isConfigured = network.interfaces.some(
      (each) => isDynamic(each, family) || addressesOf(each, family).some(({ ip }) => ip === address),
    )
    if (isConfigured) return []
    const dynamic = family === 'ipv4' ? 'dhcp: true' : 'dhcp or autoconf: true'
    const message = `no interface has ${formatIp(address)}, the address of the node: add it to an interface, or set ${dynamic}`
    return [{ path: at('interfaces'), at: 'key', message }]
  }),
)

const subnetPrefix = networkRule(
  'site.network-prefix-differs',
  ({ network, pathOf }, { subnets, subnets6 }) =>
    eachAddress(network).flatMap(({ each, family, index, ip, prefix }): RuleViolation[] => {
      const cidr = isIpv4(ip)
        ? subnets.find((subnet) => cidrContains(subnet.cidr, ip))?.cidr
        : subnets6.find((subnet) => cidr6Contains(subnet.cidr, ipv6Octets(ip)))?.cidr
      if (cidr === undefined || cidr.prefix === prefix) return []
      const path = pathOf(each, family, 'address', index, 'prefix-length')
      return [{ path, expected: `${cidr.prefix}, as in the subnet of ${formatIp(ip)}` }]
    }),
)

function eachAddress({ interfaces }: NodeNetwork) {
  return interfaces.flatMap((each) =>
    (['ipv4', 'ipv6'] as const).flatMap((family) =>
      addressesOf(each, family).map(({ ip, 'prefix-length': prefix }, index) => ({
        each,
        family,
        index,
        ip,
        prefix,
      })),
    ),
  )
}

/** Returns the owner of each address that a node must not configure. */
function addressOwners(site: Site): Map<Ip, string> {
  const { server, subnets } = site
  return new Map<Ip, string>([
    ...machines(site).flatMap(({ name, addresses }) => addresses.map((ip) => [ip, name] as const)),
    ...subnets.flatMap(({ gateway }) => (gateway === undefined ? [] : [[gateway, 'the gateway'] as const])),
    [server.address, 'this server'],
    ...(server.address6 === undefined ? [] : [[server.address6, 'this server'] as const]),
  ])
}

const freeAddresses: Rule = {
  code: 'site.network-address-taken',
  needs: ['server', 'subnets', 'subnets6'],
  check(site) {
    const owners = addressOwners(site)
    return networks(site).flatMap(({ declared: { fqdn }, network, pathOf }) =>
      eachAddress(network).flatMap(({ each, family, index, ip }): RuleViolation[] => {
        const owner = owners.get(ip) ?? fqdn
        // The next node with the same address finds this one.
        owners.set(ip, owner)
        if (owner === fqdn) return []
        const path = pathOf(each, family, 'address', index, 'ip')
        return [{ path, expected: `an unused address: ${owner} has the same one` }]
      }),
    )
  },
}

const validRoutes = networkRule('site.network-route-invalid', ({ network, at }) =>
  network.routes.flatMap((route, index): RuleViolation[] => {
    const { destination, 'next-hop-address': router, 'next-hop-interface': name } = route
    const family = familyOf(router)
    const path = at('routes', 'config', index)
    if ('mask' in destination !== isIpv4(router)) {
      return [{ path: [...path, 'next-hop-address'], expected: 'an address of the family of destination' }]
    }
    const owner = network.interfaces.find((each) => each.name === name)
    if (owner === undefined || !hasFamily(owner, family)) {
      const names = network.interfaces.filter((each) => hasFamily(each, family)).map((each) => each.name)
      const expected = `an interface with ${familyNames[family]}${names.length === 0 ? '' : `: ${names.join(', ')}`}`
      return [{ path: [...path, 'next-hop-interface'], expected }]
    }
    // A lease, and a link-local router, are not known here.
    if (!isIpv4(router) || isDynamic(owner, family)) return []
    const isOnLink = addressesOf(owner, 'ipv4').some(({ ip, 'prefix-length': prefix }) => {
      const shift = 32 - prefix
      return isIpv4(ip) && ip >>> shift === router >>> shift
    })
    if (isOnLink) return []
    return [{ path: [...path, 'next-hop-address'], expected: `an address in a network of ${name}` }]
  }),
)

const familyNames = { ipv4: 'IPv4', ipv6: 'IPv6' } as const

const reachableResolvers = networkRule('site.network-resolver-unreachable', ({ network, at }) =>
  network.servers.flatMap((server, index): RuleViolation[] => {
    const family = familyOf(server)
    if (resolverOwner(network, family) !== undefined) return []
    const message = `no interface has an ${familyNames[family]} address, so the node cannot reach ${formatIp(server)}: remove it`
    return [{ path: at('dns-resolver', 'config', 'server', index), message }]
  }),
)

export const nodeAddressRules = [ownAddress, subnetPrefix, freeAddresses, validRoutes, reachableResolvers]
