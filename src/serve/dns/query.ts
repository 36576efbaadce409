/** One query with everything that its answer depends on, the kinds of answers, and the replies without records. */
import type { DnsPlan, Resolver, Zone } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import type { Question } from '../../proto/dns/question.ts'
import { ExtendedError, ResponseCode } from '../../proto/dns/registry.ts'
import type { DnsCode } from './codes.ts'
import { extendedError, writeError, type Asked } from './reply.ts'

export type Transport = 'udp' | 'tcp'

/** The kind of a reply, for counting. */
export type Outcome =
  | 'answered'
  | 'nodata'
  | 'nxdomain'
  | 'referred'
  | 'refused'
  | 'malformed'
  | 'notImplemented'
  | 'badVersion'
  | 'notAuthoritative'

export type DnsAnswer =
  /** `octets` is a view of the output buffer. */
  | {
      readonly kind: 'reply'
      readonly octets: Uint8Array
      readonly outcome: Outcome
      readonly reason?: string
      readonly code?: DnsCode
      /** Whether the reply depends on nothing but the plan, the query without its ID, and whether the client may forward. */
      readonly isRepeatable?: boolean
    }
  | { readonly kind: 'forward'; readonly request: ForwardRequest }
  /** A whole zone as a sequence of messages; over TCP only. */
  | { readonly kind: 'transfer'; readonly zone: Zone; readonly messages: Generator<Uint8Array> }
  | { readonly kind: 'silent'; readonly outcome: 'malformed' | 'ignored'; readonly reason: string }

/** A question for the resolvers; owns its octets. */
export type ForwardRequest = Asked & {
  /** The plan of the question: an alias may lead to another source. */
  readonly plan: DnsPlan
  /** In order of preference. */
  readonly resolvers: readonly Resolver[]
  /** The client's header and question, without the sections that follow. */
  readonly query: Uint8Array
  readonly transport: Transport
  /** The largest reply that the client accepts. */
  readonly limitOctets: number
}

/** The properties of a client that its answers depend on. */
export type Client = {
  /** Whether the server resolves names outside its zones for this client. */
  readonly mayForward: boolean
  /** Whether the client may transfer zones. */
  readonly isSecondary?: boolean
  /** Returns the COOKIE option of the reply to a client that sent this one. */
  readonly cookie?: (received: Uint8Array) => Uint8Array | undefined
  /** The NSID option, where the server reports its name. */
  readonly nsid?: Uint8Array | undefined
}

export type Query = {
  readonly octets: Uint8Array
  /** The second 16 bits of the header. */
  readonly flags: number
  /** Overwritten by the next query. */
  readonly question: Question
  readonly client: Client
  readonly plan: DnsPlan
  readonly transport: Transport
  /** The buffer for the reply: at least 1232 octets for UDP, 65535 for TCP. */
  readonly out: Uint8Array
  /** RA where recursion is available to this client, else 0. */
  readonly available: number
}

type Refusal = { readonly reason: string; readonly option: Uint8Array }

/** The refusals that a client gets as an Extended DNS Error (RFC 8914). */
const refusals = {
  'dns.class-not-served': refusal(ExtendedError.notAuthoritative, 'only class IN is served'),
  'dns.type-not-offered': refusal(
    ExtendedError.prohibited,
    'meta types other than zone transfers are not supported',
  ),
  'dns.transfer-not-allowed': refusal(
    ExtendedError.prohibited,
    'zones are transferred to the secondaries of this site only',
  ),
  'dns.transfer-over-udp': refusal(ExtendedError.prohibited, 'whole zones are transferred over TCP only'),
  'dns.client-not-allowed': refusal(
    ExtendedError.prohibited,
    'other names are resolved for the clients of this site only',
  ),
  'dns.recursion-not-desired': refusal(
    ExtendedError.notAuthoritative,
    'not a name of this site, and recursion was not desired',
  ),
  'dns.no-resolver': refusal(
    ExtendedError.notAuthoritative,
    'not a name of this site, and the site has no resolvers',
  ),
} satisfies Partial<Record<DnsCode, Refusal>>

export function refuse(query: Query, code: keyof typeof refusals): DnsAnswer {
  const { reason, option } = refusals[code]
  const rcode = ResponseCode.refused
  return { ...errorReply(query, 'refused', rcode, query.question, option), reason, code }
}

/** @throws what is not a {@link MalformedPacket} */
export function malformedReply(query: Query, error: unknown): DnsAnswer {
  if (!(error instanceof MalformedPacket)) throw error
  return { ...errorReply(query, 'malformed', ResponseCode.formErr), reason: error.message }
}

/**
 * Writes a reply without records.
 *
 * @param asked absent when the question could not be read: then the reply repeats the header only
 */
export function errorReply(
  query: Query,
  outcome: Outcome,
  rcode: number,
  asked?: Asked,
  option?: Uint8Array,
): Extract<DnsAnswer, { kind: 'reply' }> {
  const { octets, available, out } = query
  const repeated = asked && askedOf(query)
  const length = writeError(octets, repeated, rcode, available, out, option)
  return { kind: 'reply', octets: out.subarray(0, length), outcome }
}

/** Returns what a reply repeats of the query, with the options for this client. */
export function askedOf(query: Query): Asked {
  const { end, hasEdns, isDnssecOk } = query.question
  return { end, hasEdns, isDnssecOk, clientOptions: clientOptions(query) }
}

/** Returns the options that the client requested: a server cookie (RFC 7873 §5.2.3), the server's name (RFC 5001 §2.2). */
export function clientOptions({ client, question, octets }: Query): Uint8Array | undefined {
  const { cookie, nsid } = client
  const { cookieAt, cookieOctets, wantsNsid } = question
  const ours = cookieOctets > 0 ? cookie?.(octets.subarray(cookieAt, cookieAt + cookieOctets)) : undefined
  if (!wantsNsid || nsid === undefined) return ours
  return ours === undefined ? nsid : Uint8Array.of(...ours, ...nsid)
}

function refusal(code: number, reason: string): Refusal {
  return { reason, option: extendedError(code, reason) }
}
