/** Records as options of a dnsmasq configuration file (dnsmasq(8)). Pure. */
import { formatIp } from '../../proto/address/ip.ts'
import { caaFlags, type ResourceRecord } from '../../proto/dns/record.ts'
import type { Zone } from '../../plan/dns/plan.ts'

const header = `# Records of the site for dnsmasq. Put this file into /etc/dnsmasq.d and restart dnsmasq.
# Names without a TTL here have the TTL of local-ttl.
`

/** dnsmasq keeps other names of a forward zone from its resolvers; reverse zones can have names of other machines. */
export function dnsmasqOptions(zones: readonly Zone[]): string {
  const byOwner = Map.groupBy(
    zones.flatMap(({ records }) => records),
    ({ owner }) => owner,
  )
  return [
    header,
    ...zones.flatMap(({ name, records }) => [
      `# zone ${name}`,
      ...(/\.(in-addr|ip6)\.arpa$/.test(name) ? [] : [`local=/${name}/`]),
      ...new Set(records.flatMap((record) => optionsOf(record, byOwner))),
      '',
    ]),
  ].join('\n')
}

type Owners = ReadonlyMap<string, readonly ResourceRecord[]>

function optionsOf({ owner, ttlSeconds, data }: ResourceRecord, byOwner: Owners): string[] {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return isWildcard(owner)
        ? wildcard(owner, [formatIp(data.address)])
        : [`host-record=${owner},${formatIp(data.address)},${ttlSeconds}`]
    case 'CNAME':
      return isWildcard(owner)
        ? wildcard(owner, addressesOf(data.target, byOwner))
        : [`cname=${owner},${data.target},${ttlSeconds}`]
    case 'PTR':
      return [`ptr-record=${owner},${data.target}`]
    case 'SRV':
      return [`srv-host=${owner},${data.target},${data.port},${data.priority},${data.weight}`]
    case 'MX':
      return [`mx-host=${owner},${data.target},${data.preference}`]
    case 'TXT':
      return [`txt-record=${owner},${quoted(data.text)}`]
    case 'CAA':
      return [`caa-record=${owner},${caaFlags(data)},${data.tag},${quoted(data.value)}`]
    case 'NS':
      return delegation(owner, data.target, addressesOf(data.target, byOwner))
    case 'SOA':
      return []
  }
}

function isWildcard(owner: string): boolean {
  return owner.startsWith('*.')
}

/**
 * dnsmasq has wildcards for addresses only, and they include the domain itself. Without `local`, a query for another type is
 * forwarded, or answered as if the name did not exist.
 */
function wildcard(owner: string, addresses: readonly string[]): string[] {
  const domain = owner.slice(2)
  return [`local=/${domain}/`, ...addresses.map((address) => `address=/${domain}/${address}`)]
}

/** Follows aliases; the site file refuses loops of them. */
function addressesOf(name: string, byOwner: Owners): string[] {
  return (byOwner.get(name) ?? []).flatMap(({ data }) => {
    if (data.type === 'CNAME') return addressesOf(data.target, byOwner)
    return 'address' in data ? [formatIp(data.address)] : []
  })
}

/** dnsmasq has no NS records for other zones; it forwards queries for them. */
function delegation(zone: string, server: string, addresses: readonly string[]): string[] {
  if (addresses.length > 0) return addresses.map((address) => `server=/${zone}/${address}`)
  return [`# ${zone} is delegated to ${server}: add server=/${zone}/ADDRESS`]
}

/** In quotes, commas are part of the text, and a backslash escapes. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`
}
