/** Router advertisements on the IPv6 networks of the site: firmware and iPXE need them, and those of another router do harm. */
import { isLinkLocal, type Cidr6, cidr6Contains, formatCidr6 } from '../proto/address/network6.ts'
import { ipv6Octets, parseIpv6 } from '../proto/address/ip.ts'
import type { RouterAdvertisement } from '../proto/icmpv6/router-discovery.ts'
import type { Subnet6 } from '../site/schema.ts'
import { pluralize } from '../text/format.ts'
import { ok, warning, type Check, type CheckContext, type Finding } from './check.ts'

export const routerAdvertisementsCheck: Check = {
  name: 'routers',
  async run(context) {
    if (context.model.site.subnets6.length === 0) return []
    const attached = context.model.site.subnets6.flatMap((subnet) => {
      const link = linkOf(context, subnet.cidr)
      return link === undefined ? [] : [{ subnet, link }]
    })
    if (attached.length === 0) return [ok('no IPv6 network of the site is attached to this machine')]
    const names = [...new Set(attached.map(({ link }) => link.name))]
    const found = new Map(
      await Promise.all(names.map(async (name) => [name, await context.probes.routers(name)] as const)),
    )
    const networks = context.model.site.subnets6.map(({ cidr }) => cidr)
    return attached.flatMap(({ subnet, link }) => {
      const where = `${formatCidr6(subnet.cidr)} (${link.name})`
      const routers = found.get(link.name)
      if (routers === undefined || 'problem' in routers) {
        return [
          warning('preflight.not-checked', `routers of ${where} were not solicited: ${routers?.problem}`),
        ]
      }
      return findingsOf(subnet, where, routers.routers, link.own, networks)
    })
  },
}

type Link = { readonly name: string; readonly own: ReadonlySet<string> }

/** Returns the interface with an address in a network, and its link-local addresses. */
function linkOf({ probes }: CheckContext, network: Cidr6): Link | undefined {
  for (const [name, addresses = []] of Object.entries(probes.interfaces())) {
    const own = addresses.flatMap(({ address, internal }) => (internal ? [] : (parseIpv6(address) ?? [])))
    if (!own.some((address) => cidr6Contains(network, ipv6Octets(address)))) continue
    return { name, own: new Set(own.filter((address) => isLinkLocal(ipv6Octets(address)))) }
  }
  return undefined
}

function findingsOf(
  { routerAdvertisements: declared }: Subnet6,
  where: string,
  routers: ReadonlyMap<string, RouterAdvertisement>,
  own: ReadonlySet<string>,
  networks: readonly Cidr6[],
): Finding[] {
  const all = [...routers]
  if (all.length === 0) {
    const text = `no router advertisement on ${where}, so iPXE requests no address there`
    return [
      declared === undefined
        ? warning('preflight.no-router-advertisement', text)
        : warning(
            'preflight.no-router-advertisement',
            text,
            'Start radvd with the output of slipway render radvd',
          ),
    ]
  }
  const others = all.filter(([address]) => !own.has(address))
  const findings = others.flatMap(([address, { prefixes }]): Finding[] => {
    const foreign = prefixes.find(
      ({ network, isAutonomous }) =>
        isAutonomous && !networks.some((each) => cidr6Contains(each, ipv6Octets(network))),
    )
    if (foreign !== undefined) {
      const prefix = `${foreign.network}/${foreign.prefix}`
      const text = `${address} advertises ${prefix} on ${where}, and nodes choose addresses there that the site does not have`
      return [foreignRouter(address, text, `If it is your router, add ${prefix} to subnets6`)]
    }
    if (declared === undefined) return []
    const text = `${address} sends router advertisements on ${where}, beside those that the site declares`
    return [foreignRouter(address, text, 'If it is your router, remove routerAdvertisements')]
  })
  if (!all.some(([, { isManaged }]) => isManaged)) {
    const text = `no router advertisement on ${where} has the M flag, so iPXE requests no address there`
    findings.push(warning('preflight.router-advertisement-unmanaged', text))
  }
  return findings.length > 0
    ? findings
    : [
        ok(
          `${pluralize(all.length, 'router')} on ${where}, with the M flag: ${all.map(([address]) => address).join(', ')}`,
        ),
      ]
}

/** @param otherwise what to do if the router belongs to the network */
function foreignRouter(address: string, text: string, otherwise: string): Finding {
  const remedy = `Stop them on that machine: "ip neigh show ${address}" prints its MAC address. ${otherwise}`
  return warning('preflight.foreign-router-advertisement', text, remedy)
}
