/** The existing names of a zone, and the zone cuts below it (RFC 1034 §4.2, RFC 4592 §2.2.2). */
import type { ResourceRecord, RecordData } from '../../proto/dns/record.ts'
import { enclosingZone, withAncestors } from '../../site/declared.ts'
import { forEachStep } from '../steps.ts'
import type { Zone } from './plan.ts'

type RecordsByType = ReadonlyMap<RecordData['type'], readonly ResourceRecord[]>

/** An existing name and its zone; an empty non-terminal has no records. */
export class Name {
  readonly zone: Zone
  readonly #records: readonly ResourceRecord[]

  constructor(zone: Zone, records: readonly ResourceRecord[]) {
    this.zone = zone
    this.#records = records
  }

  /** Grouped on access: a map for each name would be most of the memory of the names. */
  get byType(): RecordsByType {
    return Map.groupBy(this.#records, ({ data }) => data.type)
  }
}

export type Names = ReadonlyMap<string, Name>

export type ZoneContent = {
  readonly zone: Zone
  readonly names: Names
  /** The name servers of delegated zones that are not ours, by zone. */
  readonly cuts: ReadonlyMap<string, readonly ResourceRecord[]>
}

export function* zoneContents(zones: readonly Zone[]): Generator<void, ZoneContent[]> {
  const apexes = new Set(zones.map((zone) => zone.name))
  const contents: ZoneContent[] = []
  for (const zone of zones) contents.push(yield* zoneContent(zone, apexes))
  return contents
}

function* zoneContent(zone: Zone, apexes: ReadonlySet<string>): Generator<void, ZoneContent> {
  const servers = zone.records.filter(({ owner, data }) => data.type === 'NS' && owner !== zone.name)
  const cuts = Map.groupBy(servers, ({ owner }) => owner)
  const recordsByName = new Map<string, ResourceRecord[]>()
  yield* forEachStep(zone.records, (record) => {
    const ancestors = withAncestors(record.owner)
    // All names between the apex and a name exist too (RFC 8020 §2), including cuts.
    const inside = ancestors.slice(0, ancestors.indexOf(zone.name) + 1)
    for (const name of inside) {
      const before = recordsByName.get(name)
      const added = name === record.owner ? [record] : []
      // Most names have one record, and an empty array that grows reserves space for 17.
      if (before === undefined) recordsByName.set(name, added)
      else before.push(...added)
    }
  })
  // Below a cut, the other zone is authoritative; records here are glue.
  const isBelowCut = (name: string) => cuts.size > 0 && enclosingZone(name, cuts) !== undefined
  const own = [...recordsByName].filter(([name]) => !isBelowCut(name))
  const names = new Map<string, Name>()
  yield* forEachStep(own, ([name, records]) => {
    names.set(name, new Name(zone, records))
  })
  return {
    zone,
    names,
    cuts: new Map([...cuts].filter(([name]) => !apexes.has(name))),
  }
}
