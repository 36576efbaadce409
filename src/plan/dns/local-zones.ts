/** Zones that every resolver serves itself and does not forward (RFC 6761 §6.3 and §6.4, RFC 6303 §3 and §4.2). */
import { type Ipv4, parseIpv4, parseIpv6, type Ipv6, formatIp } from '../../proto/address/ip.ts'
import type { RecordData } from '../../proto/dns/record.ts'
import type { Zone, DnsPlan, ForwardZone, Resolver } from './plan.ts'
import { reverseName } from './names.ts'
import { encodeName } from '../../proto/dns/name.ts'
import type { ResolverAddress } from '../../site/dns-section.ts'
import type { Model } from '../model.ts'

/** RFC 6303 §3 */
const ttlSeconds = 10_800
const times = { serial: 1, refresh: 3600, retry: 1200, expire: 604_800, minimum: 10_800 }

const ipv4 = parseIpv4('127.0.0.1') as Ipv4
const ipv6 = parseIpv6('::1') as Ipv6
const addresses: readonly RecordData[] = [
  { type: 'A', address: ipv4 },
  { type: 'AAAA', address: ipv6 },
]
const pointer: readonly RecordData[] = [{ type: 'PTR', target: 'localhost' }]

export const localZones: readonly Zone[] = [
  zone('localhost', { localhost: addresses, '*.localhost': addresses }),
  zone('invalid', {}),
  zone('127.in-addr.arpa', { [reverseName(ipv4)]: pointer }),
  zone(reverseName(ipv6), { [reverseName(ipv6)]: pointer }),
]

function zone(name: string, names: Readonly<Record<string, readonly RecordData[]>>): Zone {
  const apex: RecordData[] = [
    { type: 'SOA', mname: 'localhost', rname: 'nobody.invalid', ...times },
    // RFC 6303 §3 uses the zone itself, but a name server needs an address.
    { type: 'NS', target: 'localhost' },
  ]
  const records = [[name, apex] as const, ...Object.entries(names)]
  return {
    name,
    records: records.flatMap(([owner, datas]) => datas.map((data) => ({ owner, ttlSeconds, data }))),
  }
}

// The resolvers for names outside the site: the default ones, and those of single zones.

export function compileForwarding(
  model: Model,
): Pick<DnsPlan, 'resolvers' | 'forwardZones' | 'isForwarding'> {
  const { forward, forwardZones } = model.site.dns
  const resolversAt = (servers: readonly ResolverAddress[]): Resolver[] =>
    servers
      .filter((server) => !isThisServer(model, server))
      .map(({ address, port }) => ({ address: formatIp(address), port }))
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
export function isThisServer({ endpoint }: Model, { address, port }: ResolverAddress): boolean {
  return port === endpoint.ports.dns && address === endpoint.address
}
