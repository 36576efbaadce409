/**
 * A query in, a reply out: pure, and the hot path. The zones' answers are ready since the plan was compiled;
 * here the right one is found and copied (RFC 1034 §4.3.2, RFC 4592 §3.3). `serve/dns` never says NXDOMAIN
 * about a name outside the plan's zones.
 */
import { findEncloser, findOwner, findResolvers } from '../../plan/dns/lookup.ts'
import type { DnsPlan, Owner, Resolver, Response, Zone } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes/malformed.ts'
import { formatName } from '../../proto/dns/name.ts'
import { createQuestion, readQuestion } from '../../proto/dns/question.ts'
import {
  classIn,
  ednsUdpOctets,
  ExtendedError,
  HeaderFlag,
  headerOctets,
  RecordType,
  ResponseCode,
} from '../../proto/dns/registry.ts'
import { extendedError, readU16, writeError, writeResponse, type Asked } from './reply.ts'
import { transferExtent, transferMessages } from './transfer.ts'

export type Transport = 'udp' | 'tcp'

/** What a reply was, for counting. */
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
  /** `octets` is a view of the buffer that was given. */
  | {
      readonly kind: 'reply'
      readonly octets: Uint8Array
      readonly outcome: Outcome
      readonly reason?: string
    }
  | { readonly kind: 'forward'; readonly request: ForwardRequest }
  /** A whole zone, in one message after another; over TCP only. */
  | { readonly kind: 'transfer'; readonly zone: Zone; readonly messages: Generator<Uint8Array> }
  | { readonly kind: 'silent'; readonly outcome: 'malformed' | 'ignored'; readonly reason: string }

/** A question for other servers; owns its octets. */
export type ForwardRequest = Asked & {
  /** Who is to be asked, in the order of preference. */
  readonly resolvers: readonly Resolver[]
  /** The client's header and question, nothing after them. */
  readonly query: Uint8Array
  readonly transport: Transport
  /** The largest answer that the client takes. */
  readonly limitOctets: number
}

/** Why somebody else's client gets no other names: the one refusal that an operator wants to see. */
export const strangerReason = 'other names are resolved for the clients of this site only'

/** Why a zone is not copied: what an operator wants to see when a secondary is not declared. */
export const transferReason = 'zones are transferred to the secondaries of this site only'

/** A reason not to answer, in words for the log and as an EDNS option for the client. */
type Refusal = { readonly reason: string; readonly option: Uint8Array }

const refusals = {
  class: refusal(ExtendedError.notAuthoritative, 'only class IN is served'),
  metaType: refusal(ExtendedError.prohibited, 'meta types other than zone transfers are not offered'),
  transfer: refusal(ExtendedError.prohibited, transferReason),
  datagram: refusal(ExtendedError.prohibited, 'whole zones are transferred over TCP only'), // RFC 5936 §4.2
  client: refusal(ExtendedError.prohibited, strangerReason),
  recursion: refusal(
    ExtendedError.notAuthoritative,
    'not a name of this site, and recursion was not desired',
  ),
  resolver: refusal(ExtendedError.notAuthoritative, 'not a name of this site, and it has no resolvers'),
}

/** RFC 7766 §8: the length in front of a message has 16 bits. */
const tcpOctets = 65_535

/** Who asks, as far as the answer depends on it. */
export type Client = {
  /** Whether other names are resolved for it. */
  readonly mayForward: boolean
  /** Whether it may copy zones. */
  readonly isSecondary?: boolean
  /** Takes the data of its COOKIE option, gives the option for the reply; cookies are ignored without it. */
  readonly cookie?: (received: Uint8Array) => Uint8Array
  /** The NSID option for its replies; nobody is told the server's name without it. */
  readonly nsid?: Uint8Array | undefined
}

/** Filled anew for each query and never looked at after it. */
const question = createQuestion()

/**
 * @param out takes the reply: at least 1232 octets for UDP and 65535 for TCP
 */
export function answer(
  query: Uint8Array,
  client: Client,
  plan: DnsPlan,
  out: Uint8Array,
  transport: Transport,
): DnsAnswer {
  if (query.length < headerOctets)
    return { kind: 'silent', outcome: 'malformed', reason: 'shorter than a header' }
  const flags = readU16(query, 2)
  // Answering responses would let two servers talk for ever.
  if ((flags & HeaderFlag.response) !== 0) return { kind: 'silent', outcome: 'ignored', reason: 'a response' }
  const available = client.mayForward && plan.isForwarding ? HeaderFlag.recursionAvailable : 0
  const error = (
    outcome: Outcome,
    rcode: number,
    asked?: Asked,
    reason?: string,
    option?: Uint8Array,
  ): DnsAnswer => {
    const octets = out.subarray(
      0,
      writeError(query, asked && withOptions(asked), rcode, available, out, option),
    )
    return reason === undefined
      ? { kind: 'reply', octets, outcome }
      : { kind: 'reply', octets, outcome, reason }
  }
  const withOptions = ({ end, hasEdns, isDnssecOk }: Asked) => ({
    end,
    hasEdns,
    isDnssecOk,
    clientOptions: optionsFor(client, query),
  })
  const refuse = ({ reason, option }: Refusal) =>
    error('refused', ResponseCode.refused, question, reason, option)

  const malformed = (problem: unknown): DnsAnswer => {
    if (!(problem instanceof MalformedPacket)) throw problem
    return error('malformed', ResponseCode.formErr, undefined, problem.message)
  }

  if ((flags & 0x7800) !== 0) return error('notImplemented', ResponseCode.notImp)
  try {
    readQuestion(query, question)
  } catch (problem) {
    return malformed(problem)
  }
  // RFC 6891 §6.1.3: the version that we speak is in the reply's own OPT record.
  if (question.ednsVersion > 0) return error('badVersion', ResponseCode.badVers, question)
  if (question.qclass !== classIn) return refuse(refusals.class)
  const isTransfer = question.qtype === RecordType.AXFR || question.qtype === RecordType.IXFR
  if (isMetaType(question.qtype) && !isTransfer) return refuse(refusals.metaType)
  if (isTransfer) {
    if (client.isSecondary !== true) return refuse(refusals.transfer)
    const zone = zoneOf(plan, query)
    if (zone === undefined) return error('notAuthoritative', ResponseCode.notAuth, question)
    try {
      const extent = transferExtent(query, question, zone, transport)
      if (extent === 'none') return refuse(refusals.datagram)
      if (extent === 'zone')
        return {
          kind: 'transfer',
          zone,
          messages: transferMessages(query, withOptions(question), zone, question.qtype),
        }
    } catch (problem) {
      return malformed(problem)
    }
  }
  // What remains of transfers is told by the SOA record alone (RFC 1995 §2 and §4).
  const qtype = isTransfer ? RecordType.SOA : question.qtype

  const limitOctets = transport === 'tcp' ? tcpOctets : Math.min(question.udpOctets, ednsUdpOctets)
  const owner = findOwner(plan.names, query, question, 0)
  const encloser = owner ?? findEncloser(plan.names, query, question)
  // DS is the one type that the zone above a cut answers for (RFC 4035 §3.1.4.1).
  const referral = owner !== undefined && qtype === RecordType.DS ? undefined : encloser?.referral
  if (encloser !== undefined && (referral === undefined || !isForwarded(query, client, plan))) {
    const response = referral ?? choose(owner ?? encloser.wildcard, encloser, qtype, query)
    const clientOptions = optionsFor(client, query)
    const written = writeResponse(query, question, response, available, limitOctets, out, clientOptions)
    const octets = out.subarray(0, written)
    return { kind: 'reply', octets, outcome: outcomeOf(response) }
  }

  const resolvers = findResolvers(plan, query, question)
  if (resolvers.length === 0) return refuse(refusals.resolver)
  if (!client.mayForward) return refuse(refusals.client)
  if ((flags & HeaderFlag.recursionDesired) === 0) return refuse(refusals.recursion)
  const request = {
    ...withOptions(question),
    query: new Uint8Array(query.subarray(0, question.end)),
    resolvers,
    transport,
    limitOctets,
  }
  return { kind: 'forward', request }
}

/** What the client's options call for: a cookie of ours (RFC 7873 §5.2.3), this server's name (RFC 5001 §2.2). */
function optionsFor({ cookie, nsid }: Client, query: Uint8Array): Uint8Array | undefined {
  const { cookieAt, cookieOctets, wantsNsid } = question
  const ours = cookieOctets > 0 ? cookie?.(query.subarray(cookieAt, cookieAt + cookieOctets)) : undefined
  if (!wantsNsid || nsid === undefined) return ours
  return ours === undefined ? nsid : Uint8Array.of(...ours, ...nsid)
}

/** @param owner what the answer comes from: the name itself, or the wildcard that stands for it */
function choose(owner: Owner | undefined, encloser: Owner, qtype: number, query: Uint8Array): Response {
  if (owner === undefined) return encloser.nxdomain
  const orders = owner.responses.get(qtype)
  if (orders === undefined) return owner.nodata
  // The ids of queries are random, so that every address is the first one for some clients.
  return orders[(query[1] as number) % orders.length] as Response
}

function outcomeOf({ rcode, answers, isAuthoritative }: Response): Outcome {
  if (!isAuthoritative) return 'referred'
  if (rcode === ResponseCode.nxDomain) return 'nxdomain'
  return answers > 0 ? 'answered' : 'nodata'
}

/** Types that ask for more than records: transfers, signatures, OPT itself (RFC 6895 §3.1). */
function isMetaType(qtype: number): boolean {
  return (qtype >= 128 && qtype < RecordType.ANY) || qtype === RecordType.OPT
}

/** Names of another's zone are asked of resolvers for who may and wants that (RFC 1034 §4.3.2). */
function isForwarded(query: Uint8Array, { mayForward }: Client, plan: DnsPlan): boolean {
  const isWanted = (readU16(query, 2) & HeaderFlag.recursionDesired) !== 0
  return mayForward && isWanted && findResolvers(plan, query, question).length > 0
}

/** The zone whose apex is asked for. */
function zoneOf({ names, zones }: DnsPlan, query: Uint8Array): Zone | undefined {
  const owner = findOwner(names, query, question, 0)
  if (owner?.responses.has(RecordType.SOA) !== true) return undefined
  const name = formatName(owner.name, 0)
  return zones.find((zone) => zone.name === name)
}

function refusal(code: number, reason: string): Refusal {
  return { reason, option: extendedError(code, reason) }
}
