/** The DNS zones of a site for another name server, in the format that it imports. Pure. */
import { declaredZones } from '../../plan/dns/compile.ts'
import { localZones } from '../../plan/dns/local-zones.ts'
import { zoneFile } from '../../plan/dns/zone.ts'
import type { Zone } from '../../plan/dns/plan.ts'
import type { Plan } from '../../plan/compile.ts'
import type { Model } from '../../plan/model.ts'
import { dnsmasqOptions } from './dnsmasq.ts'
import { dnsEndpoints } from './external-dns.ts'
import type { Rendered } from './hosted-yaml.ts'
import { infobloxCsv } from './infoblox-csv.ts'
import { route53Batches } from './route53.ts'

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
