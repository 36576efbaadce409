/** Prepared answers: encodes the response for every owner name and QTYPE once, on its first query (RFC 1034 §4.3.2). */
import { encodeName, hashName } from '../../proto/dns/name.ts'
import type { ResourceRecord, RecordData } from '../../proto/dns/record.ts'
import { RecordType, ResponseCode, headerOctets } from '../../proto/dns/registry.ts'
import { forEachStep, lazy } from '../steps.ts'
import type { NameTable, Owner, Response, Zone } from './plan.ts'
import { answeringName, enclosingZone, withAncestors } from '../../site/declared.ts'
import { encodeAnswer } from '../../proto/dns/message.ts'
import { walkMessage } from '../../proto/dns/walk.ts'

type Negative = Pick<Owner, 'nodata' | 'nxdomain'>
type Addresses = ReadonlyMap<string, readonly ResourceRecord[]>
type Names = ReadonlyMap<string, Name>

/** The prepared orders of an RRset with many addresses: enough for the first address to vary. */
const maxRotations = 8

/** Compiles the table zone by zone. */
export function* compileNames(zones: readonly Zone[]): Generator<void, NameTable> {
  const contents = yield* zoneContents(zones)
  const names = new Map<string, Name>()
  for (const content of contents) {
    yield* forEachStep(content.names, ([name, found]) => void names.set(name, found))
  }
  const addresses = addressesByOwner(zones)
  const table = new Map<number, Owner[]>()
  for (const content of contents) {
    const owners = yield* zoneOwners(content, names, addresses)
    yield* forEachStep(owners, (owner) => {
      const hash = hashName(owner.name)
      table.set(hash, [...(table.get(hash) ?? []), owner])
    })
  }
  return table
}

/** What an owner answers itself. */
type Positive = Pick<Owner, 'responses'> & { readonly nodata?: Response }

/**
 * An owner whose answers are encoded when its name is first queried: most names of a large site never are. With separate
 * getters, each owner would have a separate hidden class in V8, and every lookup would be slow.
 */
class LazyOwner implements Owner {
  readonly name: Uint8Array
  readonly wildcard: Owner | undefined
  readonly referral: Response | undefined
  readonly #negative: () => Negative
  readonly #encode: () => Positive
  #positive: Positive | undefined

  constructor(
    { name, wildcard, referral }: Pick<Owner, 'name' | 'wildcard' | 'referral'>,
    negative: () => Negative,
    encode: () => Positive,
  ) {
    this.name = name
    this.wildcard = wildcard
    this.referral = referral
    this.#negative = negative
    this.#encode = encode
  }

  get responses(): Owner['responses'] {
    return (this.#positive ??= this.#encode()).responses
  }

  get nodata(): Response {
    return (this.#positive ??= this.#encode()).nodata ?? this.#negative().nodata
  }

  get nxdomain(): Response {
    return this.#negative().nxdomain
  }
}

/** Returns the existing names of a zone, except those of zones below it. */
function* zoneOwners(
  { zone, names: own, cuts }: ZoneContent,
  names: Names,
  addresses: Addresses,
): Generator<void, Iterable<Owner>> {
  const negative = lazy(() => negativeResponses(zone))
  const owners = new Map<string, Owner>()
  const longestFirst = [...own].sort(([a], [b]) => b.length - a.length)
  yield* forEachStep(longestFirst, ([name, { byType }]) => {
    const fixed = { name: encodeName(name), wildcard: owners.get(`*.${name}`), referral: undefined }
    const encode = () => positiveResponses(name, byType, names, addresses)
    owners.set(name, new LazyOwner(fixed, negative, encode))
  })
  for (const [name, servers] of cuts) {
    const referral = referralTo(name, servers, addresses)
    const fixed = { name: encodeName(name), wildcard: undefined, referral }
    owners.set(name, new LazyOwner(fixed, negative, () => ({ responses: new Map() })))
  }
  return owners.values()
}

/**
 * Answers are minimal: no authority section, and additional addresses for server names only (as BIND does for stub
 * resolvers).
 */
function positiveResponses(
  name: string,
  byType: RecordsByType,
  names: Names,
  addresses: Addresses,
): Positive {
  const responses = new Map<number, readonly Response[]>()
  const add = (type: ResourceRecord['data']['type'], orders: readonly (readonly ResourceRecord[])[]) => {
    const prepared = orders.map((answers) => {
      const additional = addressesOfServers(answers, addresses)
      const sections = { question: { name, type }, answers, authority: [], additional }
      return prepare(ResponseCode.noError, sections, 'owner')
    })
    responses.set(RecordType[type], prepared)
    // ANY gets one RRset, the first (RFC 8482 §4.1).
    if (!responses.has(RecordType.ANY)) responses.set(RecordType.ANY, prepared)
  }
  for (const [type, records] of byType) add(type, rotations(records))

  const alias = followAlias(name, names)
  if (alias === undefined) return { responses }
  const { chain, end } = alias
  for (const [type, records] of end?.byType ?? []) {
    add(
      type,
      rotations(records).map((order) => [...chain, ...order]),
    )
  }
  // The SOA of the last name's zone follows the aliases (RFC 2308 §2.2.1).
  const authority = end === undefined ? [] : [negativeSoa(end.zone)]
  const sections = { question: { name, type: 'CNAME' as const }, answers: chain, authority, additional: [] }
  return { responses, nodata: prepare(ResponseCode.noError, sections, 'owner') }
}

function negativeResponses(zone: Zone): Negative {
  const question = { name: zone.name, type: 'SOA' } as const
  const sections = { question, answers: [], authority: [negativeSoa(zone)], additional: [] }
  return {
    nodata: prepare(ResponseCode.noError, sections, 'zone'),
    nxdomain: prepare(ResponseCode.nxDomain, sections, 'zone'),
  }
}

/** Every negative answer has the SOA record; its TTL is the lifetime of the answer (RFC 2308 §3, §5). */
function negativeSoa(zone: Zone): ResourceRecord {
  const soa = zone.records[0] as ResourceRecord & { data: { minimum: number } }
  return { ...soa, ttlSeconds: Math.min(soa.ttlSeconds, soa.data.minimum) }
}

/** RFC 1034 §4.3.2 step 3b: the servers with their known addresses. */
function referralTo(name: string, servers: readonly ResourceRecord[], addresses: Addresses): Response {
  const additional = addressesOfServers(servers, addresses)
  const question = { name, type: 'NS' } as const
  const response = prepare(
    ResponseCode.noError,
    { question, answers: [], authority: servers, additional },
    'zone',
  )
  return { ...response, isAuthoritative: false }
}

function addressesOfServers(records: readonly ResourceRecord[], addresses: Addresses): ResourceRecord[] {
  return records.flatMap(({ data }) =>
    data.type === 'NS' || data.type === 'SRV' || data.type === 'MX'
      ? [...(addresses.get(data.target) ?? [])]
      : [],
  )
}

/** Rotates addresses; the order of other records has no meaning (SRV has priorities). */
function rotations(records: readonly ResourceRecord[]): (readonly ResourceRecord[])[] {
  const type = records[0]?.data.type
  if (type !== 'A' && type !== 'AAAA') return [records]
  return records
    .slice(0, maxRotations)
    .map((_, start) => [...records.slice(start), ...records.slice(0, start)])
}

/** Glue is in two zones and is one record. */
function addressesByOwner(zones: readonly Zone[]): Addresses {
  const records = new Set(zones.flatMap((zone) => zone.records))
  return Map.groupBy(
    [...records].filter(({ data }) => data.type === 'A' || data.type === 'AAAA'),
    ({ owner }) => owner,
  )
}

export type Alias = {
  /** The CNAME records. */
  readonly chain: readonly ResourceRecord[]
  /** The target of the last record; nothing when it is outside our zones, does not exist, or the chain is a loop. */
  readonly end: Name | undefined
}

/**
 * Follows CNAME records within our zones (RFC 1034 §4.3.2 step 3a), so that the client needs no second query.
 *
 * @returns nothing for a name that is not an alias
 */
export function followAlias(name: string, names: ReadonlyMap<string, Name>): Alias | undefined {
  const chain: ResourceRecord[] = []
  const passed = new Set<string>()
  let at = name
  for (;;) {
    const found = names.get(answeringName(at, names) ?? at)
    const next = found?.byType.get('CNAME')?.[0]
    if (next?.data.type !== 'CNAME' || passed.has(at)) {
      const end = next === undefined ? found : undefined
      return chain.length === 0 ? undefined : { chain, end: end && named(end, at) }
    }
    chain.push({ ...next, owner: at })
    passed.add(at)
    at = next.data.target
  }
}

/** Records of a wildcard get the queried name (RFC 4592 §3.3.1). */
function named({ zone, byType }: Name, owner: string): Name {
  const records = [...byType].map(
    ([type, each]) => [type, each.map((record) => ({ ...record, owner }))] as const,
  )
  return { zone, byType: new Map(records) }
}

/**
 * Encodes the part of an answer after the question.
 *
 * @param first the meaning of octet 12 for the records: `owner`, the queried name of any length, so that a pointer to
 *   it never moves; `zone`, the zone name, with which the queried name ends
 */
export function prepare(
  rcode: number,
  sections: Parameters<typeof encodeAnswer>[0],
  first: 'owner' | 'zone',
): Response {
  const message = encodeAnswer(sections)
  const { questionEnd, pointers, answers } = walkMessage(message)
  const moves = (at: number) => {
    const target = (((message[at] as number) & 0x3f) << 8) | (message[at + 1] as number)
    return first === 'zone' || target !== headerOctets
  }
  const required = encodeAnswer({ ...sections, additional: [] })
  return {
    rcode,
    isAuthoritative: true,
    answers: sections.answers.length,
    authority: sections.authority.length,
    additional: sections.additional.length,
    octets: message.slice(questionEnd),
    requiredOctets: required.length - questionEnd,
    answerEnds: answers.map(({ end }) => end - questionEnd),
    pointers: pointers.filter(moves).map((at) => at - questionEnd),
    nameOctets: questionEnd - headerOctets - 4,
  }
}

// The existing names of a zone, and the zone cuts below it (RFC 1034 §4.2, RFC 4592 §2.2.2).

export type RecordsByType = ReadonlyMap<RecordData['type'], readonly ResourceRecord[]>

/** An existing name and its zone; an empty non-terminal has no records. */
export type Name = { readonly zone: Zone; readonly byType: RecordsByType }

export type ZoneContent = {
  readonly zone: Zone
  readonly names: ReadonlyMap<string, Name>
  /** The name servers of delegated zones that are not ours, by zone. */
  readonly cuts: ReadonlyMap<string, readonly ResourceRecord[]>
}

function* zoneContents(zones: readonly Zone[]): Generator<void, ZoneContent[]> {
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
    for (const name of inside) if (!recordsByName.has(name)) recordsByName.set(name, [])
    recordsByName.get(record.owner)?.push(record)
  })
  // Below a cut, the other zone is authoritative; records here are glue.
  const isBelowCut = (name: string) => cuts.size > 0 && enclosingZone(name, cuts) !== undefined
  const own = [...recordsByName].filter(([name]) => !isBelowCut(name))
  const names = new Map<string, Name>()
  yield* forEachStep(own, ([name, records]) => {
    names.set(name, { zone, byType: Map.groupBy(records, ({ data }) => data.type) })
  })
  return {
    zone,
    names,
    cuts: new Map([...cuts].filter(([name]) => !apexes.has(name))),
  }
}
