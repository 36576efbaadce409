/**
 * The plan of the name server: the zones as data, every answer from them as encoded octets, and the search for the answer to a
 * question (RFC 1034 §4.3.2, RFC 4592 §3.3).
 */
import type { Cidr, Ipv6 } from '../../proto/address/ip.ts'
import type { Cidr6 } from '../../proto/address/network6.ts'
import type { ResourceRecord } from '../../proto/dns/record.ts'
import { isNameFrom, type Question } from '../../proto/dns/question.ts'

export type DnsPlan = {
  readonly listen: { readonly address: string; readonly port: number }
  /** Present if the server has an IPv6 address. */
  readonly ipv6?: {
    readonly address: Ipv6
    /** Networks of clients that may query other names. */
    readonly clients: readonly Cidr6[]
  }
  /** Ordered as in the site file: forward zones, reverse zones, local zones. */
  readonly zones: readonly Zone[]
  readonly names: NameTable
  /** Notified of changes, and allowed to transfer zones. With an IPv6 address only if this server has one. */
  readonly secondaries: readonly Secondary[]
  /** Resolvers for all other names, in the site's order; may be empty. */
  readonly resolvers: readonly Resolver[]
  /** Zones with their own resolvers; the longest names come first. */
  readonly forwardZones: readonly ForwardZone[]
  /** Whether there is any resolver. */
  readonly isForwarding: boolean
  /** Clients that may query other names, besides this machine. */
  readonly clients: readonly Cidr[]
  /** Whether replies contain the name of this machine on request (NSID). */
  readonly isNamed: boolean
  /** `ocp45/m1` by address in text, for the log. */
  readonly nodeByAddress: ReadonlyMap<string, string>
}

export type Resolver = { readonly address: string; readonly port: number }

/** Returns the text of a resolver as in the site file: with its port if that is not 53. */
export function formatResolver({ address, port }: Resolver): string {
  if (port === 53) return address
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** A zone with its own resolvers. */
export type ForwardZone = {
  /** Without the last dot. */
  readonly zone: string
  /** Lower case, uncompressed; `labels` does not count the root label. */
  readonly name: Uint8Array
  readonly labels: number
  /** Ordered as in the site file. */
  readonly resolvers: readonly Resolver[]
}

/** The port is the destination of notifications; a secondary may send queries from any port. */
export type Secondary = { readonly address: string; readonly port: number }

/** A zone of this server: SOA first, then NS, then the rest in the site's order (RFC 1034 §4.2). */
export type Zone = {
  /** The apex, without the last dot. */
  readonly name: string
  readonly records: readonly ResourceRecord[]
}

/**
 * An existing name: it owns records, or is an empty non-terminal (RFC 4592 §2.2.2). It has an encoded answer for
 * every QTYPE.
 */
export type Owner = {
  /** Lower case, uncompressed. */
  readonly name: Uint8Array
  /** Keys are QTYPEs; a name with several addresses has one response for each address that can come first. */
  readonly responses: ReadonlyMap<number, readonly Response[]>
  /** The answer to all other QTYPEs: no error, no data (RFC 2308 §2.2). */
  readonly nodata: Response
  /** The answer for names below it that do not exist (RFC 2308 §2.1). */
  readonly nxdomain: Response
  /** The source of answers for names below it that do not exist (RFC 4592 §3.3.1). */
  readonly wildcard: Owner | undefined
  /** The referral at a zone cut, for this name and all names below it (RFC 1034 §4.3.2 step 3b). */
  readonly referral: Response | undefined
}

/**
 * The part of an answer after the question section. Names may point into the question: the owner of a positive answer
 * points to octet 12, so it has the client's spelling (RFC 4343 §4.1); other names point to the zone name at the end
 * of the question. Where the client's name is longer than the compiled one, each of `pointers` moves by the difference.
 */
export type Response = {
  readonly rcode: number
  /** AA; not set in a referral. */
  readonly isAuthoritative: boolean
  readonly answers: number
  readonly authority: number
  readonly additional: number
  readonly octets: Uint8Array
  /** Octets without the additional section, which is optional (RFC 2181 §9). */
  readonly requiredOctets: number
  /** The end of each answer in `octets`: a truncated reply has the answers that fit. */
  readonly answerEnds: readonly number[]
  /** Offsets into `octets`. */
  readonly pointers: readonly number[]
  /** Octets of the compiled question's name. */
  readonly nameOctets: number
}

/** Owners by the hash of their name; different names may share a hash. */
export type NameTable = ReadonlyMap<number, readonly Owner[]>

/** Returns the owner of the name in the question, from `label` on; 0 is the whole name. */
export function findOwner(
  names: NameTable,
  octets: Uint8Array,
  question: Question,
  label: number,
): Owner | undefined {
  const owners = names.get(question.hashes[label] as number)
  if (owners === undefined) return undefined
  for (const owner of owners) if (isNameFrom(question, octets, label, owner.name)) return owner
  return undefined
}

/**
 * Returns the closest encloser: the longest existing ancestor of a name that does not exist.
 *
 * @returns nothing when the name is in none of our zones
 */
export function findEncloser(names: NameTable, octets: Uint8Array, question: Question): Owner | undefined {
  for (let label = 1; label < question.labels; label++) {
    const owner = findOwner(names, octets, question, label)
    if (owner !== undefined) return owner
  }
  return undefined
}

/** Returns the resolvers for a name outside our zones: those of the longest matching zone, else the default ones. */
export function findResolvers(
  plan: Pick<DnsPlan, 'forwardZones' | 'resolvers'>,
  octets: Uint8Array,
  question: Question,
): readonly Resolver[] {
  for (const { name, labels, resolvers } of plan.forwardZones) {
    const label = question.labels - labels
    if (label >= 0 && isNameFrom(question, octets, label, name)) return resolvers
  }
  return plan.resolvers
}
