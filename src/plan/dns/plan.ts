/** What the name server answers: the zones as data, and every answer that they can give as ready octets. */
import type { Cidr } from '../../proto/address/ipv4.ts'
import type { ResourceRecord } from '../../proto/dns/record.ts'

export type DnsPlan = {
  readonly listen: { readonly address: string; readonly port: number }
  /** In the site's order: forward zones, reverse zones, zones that every server keeps to itself. */
  readonly zones: readonly Zone[]
  readonly names: NameTable
  /** Who copies the zones: told when they change, and alone allowed to transfer them. */
  readonly secondaries: readonly Secondary[]
  /** Who is asked for all other names, in the site's order; empty: nobody. */
  readonly resolvers: readonly Resolver[]
  /** Who is asked instead for the names in certain zones; the longest zones come first. */
  readonly forwardZones: readonly ForwardZone[]
  /** Whether anybody is asked for anything. */
  readonly isForwarding: boolean
  /** Who may ask for other names, besides this machine itself. */
  readonly clients: readonly Cidr[]
  /** Whether who asks for it is told the machine's name (NSID). */
  readonly isNamed: boolean
  /** `ocp45/m1` by address in text, for the log. */
  readonly nodeByAddress: ReadonlyMap<string, string>
}

export type Resolver = { readonly address: string; readonly port: number }

/** A zone of other servers than the site's usual resolvers. */
export type ForwardZone = {
  /** Without the last dot. */
  readonly zone: string
  /** Lower case, uncompressed; and its labels without the root's. */
  readonly name: Uint8Array
  readonly labels: number
  /** In the site's order. */
  readonly resolvers: readonly Resolver[]
}

/** Its port is where it is told; it asks from any. */
export type Secondary = { readonly address: string; readonly port: number }

/** A zone that we own: SOA first, then NS, then the rest in the site's order (RFC 1034 §4.2). */
export type Zone = {
  /** The apex, without the last dot. */
  readonly name: string
  readonly records: readonly ResourceRecord[]
}

/**
 * A name that exists: it owns records, or lies between the apex and one that does (an empty non-terminal,
 * RFC 4592 §2.2.2). Its answers are ready for every QTYPE.
 */
export type Owner = {
  /** Lower case, uncompressed. */
  readonly name: Uint8Array
  /** By QTYPE; for an RRset of several addresses one response for each that may come first. */
  readonly responses: ReadonlyMap<number, readonly Response[]>
  /** The answer to all other QTYPEs: no error, no data (RFC 2308 §2.2). */
  readonly nodata: Response
  /** The answer for names below that do not exist (RFC 2308 §2.1). */
  readonly nxdomain: Response
  /** What names below that do not exist are answered from (RFC 4592 §3.3.1). */
  readonly wildcard: Owner | undefined
  /** Where a zone of somebody else begins: the way there, for this name and all below (RFC 1034 §4.3.2 step 3b). */
  readonly referral: Response | undefined
}

/**
 * Everything of an answer that follows the question section. Names in it may point into the question: the
 * owner of a positive answer to octet 12 (so it is spelled as the client did, RFC 4343 §4.1), others to the
 * zone's name at the end of the question. Where the client's name is longer than the one that the octets
 * were compiled against, every pointer of `pointers` moves by the difference.
 */
export type Response = {
  readonly rcode: number
  /** AA: not so for a referral, whose names are another's. */
  readonly isAuthoritative: boolean
  readonly answers: number
  readonly authority: number
  readonly additional: number
  readonly octets: Uint8Array
  /** Octets without the additional section, which an answer may go without (RFC 2181 §9). */
  readonly requiredOctets: number
  /** Offsets into `octets`. */
  readonly pointers: readonly number[]
  /** Octets of the name in the question that `octets` were compiled against. */
  readonly nameOctets: number
}

/** Owners by the hash of their name; different names may share a hash. */
export type NameTable = ReadonlyMap<number, readonly Owner[]>
