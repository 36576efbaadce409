/**
 * The DNS zones of a site for another name server, in the format that it imports: master files, options of dnsmasq (dnsmasq(8)),
 * or the CSV import of Infoblox NIOS (CSV Import Reference, NIOS 8 and 9). Formats of cloud services are in record-sets.ts. Pure.
 */
import type { Plan } from '../../plan/compile.ts'
import { declaredZones } from '../../plan/dns/compile.ts'
import { localZones } from '../../plan/dns/names.ts'
import type { Zone } from '../../plan/dns/plan.ts'
import { rdataText, zoneFile } from '../../plan/dns/zone.ts'
import type { Model } from '../../plan/model.ts'
import { formatIp } from '../../proto/address/ip.ts'
import { caaFlags, type RecordData, type ResourceRecord } from '../../proto/dns/record.ts'
import type { Rendered } from './hosted-yaml.ts'
import { dnsEndpoints, route53Batches } from './record-sets.ts'

const formats = {
  bind: (zones: readonly Zone[]) => zones.map(zoneFile).join('\n\n'),
  dnsmasq: dnsmasqOptions,
  infoblox: infobloxCsv,
  route53: route53Batches,
  'external-dns': dnsEndpoints,
} as const

export type RecordFormat = keyof typeof formats

export const recordFormats = Object.keys(formats) as readonly RecordFormat[]

/**
 * Returns the zones that this server has as zone files with SOA and NS records; in all other cases only the declared records,
 * for zones that another server has.
 *
 * @param name the only zone to return, in any case, with or without the last dot
 */
export function renderZones(
  { plan, model }: { readonly plan: Plan; readonly model: Model },
  name: string | undefined,
  format: RecordFormat,
): Rendered {
  const served = format === 'bind' ? plan.dns?.zones : undefined
  // Every name server has the local zones built in (RFC 6303).
  const zones = served?.filter((zone) => !localZones.includes(zone)) ?? declaredZones(model)
  const wanted = name?.toLowerCase().replace(/\.$/, '')
  const chosen = zones.filter((zone) => wanted === undefined || zone.name === wanted)
  if (chosen.length > 0) return { text: formats[format](chosen) }
  return { reason: `the site has no zone ${name ?? ''}; it has ${zones.map((zone) => zone.name).join(', ')}` }
}

const dnsmasqHeader = `# Records of the site for dnsmasq. Put this file into /etc/dnsmasq.d and restart dnsmasq.
# Names without a TTL here have the TTL of local-ttl.
`

/** dnsmasq does not forward queries for other names of a forward zone. Reverse zones can contain names of other machines. */
function dnsmasqOptions(zones: readonly Zone[]): string {
  const byOwner = Map.groupBy(
    zones.flatMap(({ records }) => records),
    ({ owner }) => owner,
  )
  return [
    dnsmasqHeader,
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
  if ('rdata' in data) return [`dns-rr=${owner},${data.code},${data.rdata}`]
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

/** The columns of each record type in NIOS, after the object type. An asterisk marks a required column. */
const columnsByType = {
  A: ['fqdn*', 'address*'],
  AAAA: ['fqdn*', 'address*'],
  CNAME: ['fqdn*', 'canonical_name'],
  PTR: ['fqdn', 'dname*'],
  SRV: ['fqdn*', 'port*', 'priority*', 'target*', 'weight*'],
  MX: ['fqdn*', 'mx*', 'priority*'],
  TXT: ['fqdn*', 'text'],
  CAA: ['fqdn*', 'ca_flag*', 'ca_tag*', 'ca_value*'],
} as const

/** The zones must exist in NIOS. Objects of one type follow a header that names their columns. */
function infobloxCsv(zones: readonly Zone[]): string {
  const records = zones.flatMap((zone) => zone.records)
  const lines = Object.entries(columnsByType).flatMap(([type, columns]) => {
    const own = records.filter(({ data }) => data.type === type)
    if (own.length === 0) return []
    const object = `${type.toLowerCase()}record`
    return [
      [`header-${object}`, ...columns, 'ttl'],
      ...own.map((record) => [object, record.owner, ...cells(record.data), record.ttlSeconds]),
    ]
  })
  return [...lines, ...delegations(records)].map((row) => row.map(cell).join(',')).join('\n')
}

/** A delegated zone names its servers and their addresses. */
function delegations(records: readonly ResourceRecord[]): string[][] {
  const zones = Map.groupBy(
    records.filter(({ data }) => data.type === 'NS'),
    ({ owner }) => owner,
  )
  if (zones.size === 0) return []
  const rows = [...zones].map(([zone, servers]) => {
    const delegateTo = servers.map(({ data }) => {
      const { target } = data as RecordData & { type: 'NS' }
      const glue = records.find(({ owner, data: each }) => owner === target && each.type === 'A')
      return `${target}/${glue === undefined ? '' : rdataText(glue.data)}`
    })
    return ['delegatedzone', zone, 'FORWARD', delegateTo.join(',')]
  })
  return [['header-delegatedzone', 'fqdn*', 'zone_format*', 'delegate_to'], ...rows]
}

/** Returns the data in the order of its columns. */
function cells(data: RecordData): (string | number)[] {
  switch (data.type) {
    case 'SRV':
      return [data.port, data.priority, data.target, data.weight]
    case 'MX':
      return [data.target, data.preference]
    case 'CAA':
      return [caaFlags(data), data.tag, data.value]
    default:
      // Texts are in quotes, because NIOS drops blanks from texts without quotes.
      return ['target' in data ? data.target : rdataText(data)]
  }
}

/** RFC 4180 §2 */
function cell(value: string | number): string {
  const text = String(value)
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
