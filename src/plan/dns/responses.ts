/** Prepared answers: encodes the response for every owner name and QTYPE once, on its first query (RFC 1034 §4.3.2). */
import { encodeName, hashName } from '../../proto/dns/name.ts'
import type { ResourceRecord } from '../../proto/dns/record.ts'
import { typeCode } from '../../proto/dns/presentation.ts'
import { RecordType, ResponseCode, headerOctets } from '../../proto/dns/registry.ts'
import { forEachStep, lazy } from '../steps.ts'
import type { NameTable, Owner, Response, Zone } from './plan.ts'
import { Name, zoneContents, type Names, type ZoneContent } from './existing-names.ts'
import { answeringName } from '../../site/declared.ts'
import { encodeAnswer } from '../../proto/dns/message.ts'
import { walkMessage } from '../../proto/dns/walk.ts'

type Negative = Pick<Owner, 'nodata' | 'nxdomain'>
type Addresses = ReadonlyMap<string, readonly ResourceRecord[]>

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

/** What the answers of all names of a zone are encoded from. */
type Source = {
  /** The names of the zone, and those of all zones, to which aliases can lead. */
  readonly own: Names
  readonly names: Names
  readonly addresses: Addresses
  readonly negative: () => Negative
}

/**
 * An owner whose answers are encoded when its name is first queried: most names of a large site never are. With separate
 * getters, each owner would have a separate hidden class in V8, and every lookup would be slow. It has no functions of its
 * own, because a large site has tens of thousands of names.
 */
class LazyOwner implements Owner {
  readonly name: Uint8Array
  readonly wildcard: Owner | undefined
  readonly referral: Response | undefined
  readonly #source: Source
  /** The name in text; undefined for a referral, which has no answers of its own. */
  readonly #text: string | undefined
  #positive: Positive | undefined

  constructor(
    { name, wildcard, referral }: Pick<Owner, 'name' | 'wildcard' | 'referral'>,
    source: Source,
    text: string | undefined,
  ) {
    this.name = name
    this.wildcard = wildcard
    this.referral = referral
    this.#source = source
    this.#text = text
  }

  get #answers(): Positive {
    return (this.#positive ??=
      this.#text === undefined ? { responses: new Map() } : positiveResponses(this.#text, this.#source))
  }

  get responses(): Owner['responses'] {
    return this.#answers.responses
  }

  get nodata(): Response {
    return this.#answers.nodata ?? this.#source.negative().nodata
  }

  get nxdomain(): Response {
    return this.#source.negative().nxdomain
  }
}

/** Returns the existing names of a zone, except those of zones below it. */
function* zoneOwners(
  { zone, names: own, cuts }: ZoneContent,
  names: Names,
  addresses: Addresses,
): Generator<void, Iterable<Owner>> {
  const source = { own, names, addresses, negative: lazy(() => negativeResponses(zone)) }
  const owners = new Map<string, Owner>()
  const longestFirst = [...own.keys()].sort((a, b) => b.length - a.length)
  yield* forEachStep(longestFirst, (name) => {
    const fixed = { name: encodeName(name), wildcard: owners.get(`*.${name}`), referral: undefined }
    owners.set(name, new LazyOwner(fixed, source, name))
  })
  for (const [name, servers] of cuts) {
    const referral = referralTo(name, servers, addresses)
    const fixed = { name: encodeName(name), wildcard: undefined, referral }
    owners.set(name, new LazyOwner(fixed, source, undefined))
  }
  return owners.values()
}

/**
 * Answers are minimal: no authority section, and additional addresses for server names only (as BIND does for stub
 * resolvers).
 */
function positiveResponses(name: string, { own, names, addresses }: Source): Positive {
  // It is one of them.
  const { byType } = own.get(name) as Name
  const responses = new Map<number, readonly Response[]>()
  const add = (type: ResourceRecord['data']['type'], orders: readonly (readonly ResourceRecord[])[]) => {
    const prepared = orders.map((answers) => {
      const additional = addressesOfServers(answers, addresses)
      const sections = { question: { name, type }, answers, authority: [], additional }
      return prepare(ResponseCode.noError, sections, 'owner')
    })
    responses.set(typeCode(type), prepared)
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
export function followAlias(name: string, names: Names): Alias | undefined {
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
  const records = [...byType.values()].flat().map((record) => ({ ...record, owner }))
  return new Name(zone, records)
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
