/** The resolvers for names outside the site: the default ones, and those of single zones. */
import { formatIp, type Ip } from '../../proto/address/ip.ts'
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import { encodeName } from '../../proto/dns/name.ts'
import type { Model } from '../model.ts'
import type { DnsPlan, ForwardZone, Resolver } from './plan.ts'

/** The site file has no ports for resolvers. */
const port = 53

export function compileForwarding(
  model: Model,
): Pick<DnsPlan, 'resolvers' | 'forwardZones' | 'isForwarding'> {
  const { forward, forwardZones } = model.site.dns
  const resolversAt = (addresses: readonly Ip[]): Resolver[] =>
    addresses
      .map(formatIp)
      .filter((address) => !isOwnAddress(model, address))
      .map((address) => ({ address, port }))
  const resolvers = resolversAt(forward)
  const zones = forwardZones.map(({ zone, servers }): ForwardZone => {
    const labels = zone.split('.').length
    return { zone, name: encodeName(zone), labels, resolvers: resolversAt(servers) }
  })
  return {
    resolvers,
    forwardZones: zones.sort((a, b) => b.labels - a.labels),
    isForwarding: resolvers.length > 0 || zones.some((zone) => zone.resolvers.length > 0),
  }
}

/** Whether the resolver is this server. */
export function isOwnAddress({ endpoint }: Model, resolver: string): boolean {
  return endpoint.ports.dns === port && resolver === formatIpv4(endpoint.address)
}
