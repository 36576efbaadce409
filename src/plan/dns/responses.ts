/** From zones to ready answers: what is sent for every owner name and QTYPE, encoded once (RFC 1034 §4.3.2). */
import { encodeName, hashName } from '../../proto/dns/name.ts'
import { encodeAnswer } from '../../proto/dns/message.ts'
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import { headerOctets, RecordType, ResponseCode } from '../../proto/dns/registry.ts'
import { walkMessage } from '../../proto/dns/walk.ts'
import { withAncestors } from './names.ts'
import type { NameTable, Owner, Response, Zone } from './plan.ts'

type RecordsByType = Map<RecordData['type'], ResourceRecord[]>
type Negative = Pick<Owner, 'nodata' | 'nxdomain'>

/** Of an RRset with many addresses so many orders are prepared that each client's first choice varies. */
const mostRotations = 8

export function compileNames(zones: readonly Zone[]): NameTable {
  const apexes = new Set(zones.map((zone) => zone.name))
  const addresses = addressesByOwner(zones)
  const table = new Map<number, Owner[]>()
  for (const zone of zones) {
    for (const owner of zoneOwners(zone, apexes, addresses)) {
      const hash = hashName(owner.name)
      table.set(hash, [...(table.get(hash) ?? []), owner])
    }
  }
  return table
}

/** All names of a zone that exist, except those of zones below it. */
function zoneOwners(
  zone: Zone,
  apexes: ReadonlySet<string>,
  addresses: ReadonlyMap<string, readonly ResourceRecord[]>,
): Owner[] {
  const negative = negativeResponses(zone)
  const recordsByName = new Map<string, RecordsByType>()
  for (const record of zone.records) {
    // Everything between the apex and a name exists too (RFC 4592 §2.2.2, RFC 8020 §2).
    for (const name of withAncestors(record.owner)) {
      if (!recordsByName.has(name)) recordsByName.set(name, new Map())
      if (name === zone.name) break
    }
    const byType = recordsByName.get(record.owner) as RecordsByType
    byType.set(record.data.type, [...(byType.get(record.data.type) ?? []), record])
  }

  const owners = new Map<string, Owner>()
  const longestFirst = [...recordsByName].sort(([a], [b]) => b.length - a.length)
  for (const [name, byType] of longestFirst) {
    if (name !== zone.name && apexes.has(name)) continue // the cut: the zone below answers
    const responses = positiveResponses(name, byType, addresses)
    const wildcard = owners.get(`*.${name}`)
    owners.set(name, { name: encodeName(name), responses, ...negative, wildcard })
  }
  return [...owners.values()]
}

/** Answers stay minimal: no authority section, addresses only beside NS (as BIND does for stub resolvers). */
function positiveResponses(
  name: string,
  byType: RecordsByType,
  addresses: ReadonlyMap<string, readonly ResourceRecord[]>,
): Map<number, readonly Response[]> {
  const responses = new Map<number, readonly Response[]>()
  for (const [type, records] of byType) {
    const additional = records.flatMap(({ data }) =>
      data.type === 'NS' ? (addresses.get(data.target) ?? []) : [],
    )
    const orders = type === 'A' || type === 'AAAA' ? rotations(records) : [records]
    const prepared = orders.map((answers) =>
      prepare(
        ResponseCode.noError,
        { question: { name, type }, answers, authority: [], additional },
        'owner',
      ),
    )
    responses.set(RecordType[type], prepared)
    // ANY is answered with one RRset, the first (RFC 8482 §4.1).
    if (!responses.has(RecordType.ANY)) responses.set(RecordType.ANY, prepared)
  }
  return responses
}

/** The SOA comes with every negative answer; its TTL says how long that may be kept (RFC 2308 §3, §5). */
function negativeResponses(zone: Zone): Negative {
  const soa = zone.records[0] as ResourceRecord & { data: { minimum: number } }
  const authority = [{ ...soa, ttlSeconds: Math.min(soa.ttlSeconds, soa.data.minimum) }]
  const question = { name: zone.name, type: 'SOA' } as const
  const sections = { question, answers: [], authority, additional: [] }
  return {
    nodata: prepare(ResponseCode.noError, sections, 'zone'),
    nxdomain: prepare(ResponseCode.nxDomain, sections, 'zone'),
  }
}

/**
 * @param first what octet 12 is to the records: the owner that the client asked for, however long, so that a
 * pointer to it never moves; or the zone's name, which the client's question ends with
 */
function prepare(
  rcode: number,
  sections: Parameters<typeof encodeAnswer>[0],
  first: 'owner' | 'zone',
): Response {
  const message = encodeAnswer(sections)
  const { questionEnd, pointers } = walkMessage(message)
  const moves = (at: number) => {
    const target = (((message[at] as number) & 0x3f) << 8) | (message[at + 1] as number)
    return first === 'zone' || target !== headerOctets
  }
  const required = encodeAnswer({ ...sections, additional: [] })
  return {
    rcode,
    answers: sections.answers.length,
    authority: sections.authority.length,
    additional: sections.additional.length,
    octets: message.slice(questionEnd),
    requiredOctets: required.length - questionEnd,
    pointers: pointers.filter(moves).map((at) => at - questionEnd),
    nameOctets: questionEnd - headerOctets - 4,
  }
}

function rotations(records: readonly ResourceRecord[]): ResourceRecord[][] {
  return records
    .slice(0, mostRotations)
    .map((_, start) => [...records.slice(start), ...records.slice(0, start)])
}

function addressesByOwner(zones: readonly Zone[]): Map<string, ResourceRecord[]> {
  const addresses = new Map<string, ResourceRecord[]>()
  for (const record of zones.flatMap((zone) => zone.records)) {
    if (record.data.type !== 'A' && record.data.type !== 'AAAA') continue
    addresses.set(record.owner, [...(addresses.get(record.owner) ?? []), record])
  }
  return addresses
}
