/** What a zone says itself, and where zones of others begin below it (RFC 1034 §4.2, RFC 4592 §2.2.2). */
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import { withAncestors } from '../../site/zones.ts'
import type { Zone } from './plan.ts'

export type RecordsByType = ReadonlyMap<RecordData['type'], readonly ResourceRecord[]>

/** A name that exists, and the zone that says so; without records when it only lies between others. */
export type Name = { readonly zone: Zone; readonly byType: RecordsByType }

export type ZoneContent = {
  readonly zone: Zone
  readonly names: ReadonlyMap<string, Name>
  /** Where a zone begins that is not ours: its name servers. */
  readonly cuts: ReadonlyMap<string, readonly ResourceRecord[]>
}

export function zoneContents(zones: readonly Zone[]): ZoneContent[] {
  const apexes = new Set(zones.map((zone) => zone.name))
  return zones.map((zone) => zoneContent(zone, apexes))
}

function zoneContent(zone: Zone, apexes: ReadonlySet<string>): ZoneContent {
  const servers = zone.records.filter(({ owner, data }) => data.type === 'NS' && owner !== zone.name)
  const cuts = Map.groupBy(servers, ({ owner }) => owner)
  const recordsByName = new Map<string, ResourceRecord[]>()
  for (const record of zone.records) {
    const names = withAncestors(record.owner)
    // Everything between the apex and a name exists too (RFC 8020 §2), a cut as well.
    const inside = names.slice(0, names.indexOf(zone.name) + 1)
    for (const name of inside) if (!recordsByName.has(name)) recordsByName.set(name, [])
    recordsByName.get(record.owner)?.push(record)
  }
  // From a cut on down the zone below speaks; what stands here is glue.
  const isBelowCut = (name: string) => withAncestors(name).some((ancestor) => cuts.has(ancestor))
  const own = [...recordsByName].filter(([name]) => !isBelowCut(name))
  return {
    zone,
    names: new Map(
      own.map(([name, records]) => [name, { zone, byType: Map.groupBy(records, ({ data }) => data.type) }]),
    ),
    cuts: new Map([...cuts].filter(([name]) => !apexes.has(name))),
  }
}
