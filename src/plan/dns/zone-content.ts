/** The existing names of a zone, and the zone cuts below it (RFC 1034 §4.2, RFC 4592 §2.2.2). */
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import { withAncestors } from '../../site/zones.ts'
import type { Zone } from './plan.ts'

export type RecordsByType = ReadonlyMap<RecordData['type'], readonly ResourceRecord[]>

/** An existing name and its zone; an empty non-terminal has no records. */
export type Name = { readonly zone: Zone; readonly byType: RecordsByType }

export type ZoneContent = {
  readonly zone: Zone
  readonly names: ReadonlyMap<string, Name>
  /** The name servers of delegated zones that are not ours, by zone. */
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
    // All names between the apex and a name exist too (RFC 8020 §2), including cuts.
    const inside = names.slice(0, names.indexOf(zone.name) + 1)
    for (const name of inside) if (!recordsByName.has(name)) recordsByName.set(name, [])
    recordsByName.get(record.owner)?.push(record)
  }
  // Below a cut, the other zone is authoritative; records here are glue.
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
