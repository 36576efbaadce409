/**
 * The path of a DNS query from its octets to an answer: header, question, zone transfer, the site's own zones,
 * forwarding. Pure, and the hot path: replies from the zones were encoded when the plan was compiled. Names outside
 * the plan's zones never get NXDOMAIN.
 */
import {
  findResolvers,
  findEncloser,
  findOwner,
  type DnsPlan,
  type Owner,
  type Response,
} from '../../plan/dns/plan.ts'
import { localZones } from '../../plan/dns/names.ts'
import { encodeName } from '../../proto/dns/name.ts'
import { createQuestion, isNameFrom, readQuestion } from '../../proto/dns/question.ts'
import {
  classIn,
  HeaderFlag,
  headerOctets,
  RecordType,
  ResponseCode,
  ednsUdpOctets,
} from '../../proto/dns/registry.ts'
import {
  errorReply,
  askedOf,
  malformedReply,
  refuse,
  type Client,
  type DnsAnswer,
  type Query,
  type Transport,
  clientOptions,
  type Outcome,
} from './query.ts'
import { readU16, writeResponse } from './reply.ts'
import { answerTransfer, isTransferType } from './transfer.ts'

const opcodeMask = 0x7800

/** Overwritten by each query: no object is allocated for a question. */
const question = createQuestion()

/** @param out the buffer for the reply: at least 1232 octets for UDP, 65535 for TCP */
export function answer(
  octets: Uint8Array,
  client: Client,
  plan: DnsPlan,
  out: Uint8Array,
  transport: Transport,
): DnsAnswer {
  if (octets.length < headerOctets)
    return { kind: 'silent', outcome: 'malformed', reason: 'shorter than a header' }
  const flags = readU16(octets, 2)
  // Two servers that answer responses would send packets to each other forever.
  if ((flags & HeaderFlag.response) !== 0) return { kind: 'silent', outcome: 'ignored', reason: 'a response' }
  const available = client.mayForward && plan.isForwarding ? HeaderFlag.recursionAvailable : 0
  const query: Query = { octets, flags, question, client, plan, transport, out, available }

  if ((flags & opcodeMask) !== 0) return errorReply(query, 'notImplemented', ResponseCode.notImp)
  try {
    readQuestion(octets, question)
  } catch (error) {
    return malformedReply(query, error)
  }
  const { qtype } = question
  // The OPT record of the reply has version 0, the version of this server (RFC 6891 §6.1.3).
  if (question.ednsVersion > 0) return errorReply(query, 'badVersion', ResponseCode.badVers, question)
  if (question.qclass !== classIn) return refuse(query, 'dns.class-not-served')
  if (isTransferType(qtype)) {
    // Where the SOA record alone is the answer, it comes from the zone as for any query (RFC 1995 §2 and §4).
    return answerTransfer(query) ?? answerFromZones(query, RecordType.SOA) ?? forward(query)
  }
  if (isMetaType(qtype)) return refuse(query, 'dns.type-not-offered')
  return answerFromZones(query, qtype) ?? forward(query)
}

/** Types that request more than records: signatures, OPT itself (RFC 6895 §3.1). */
function isMetaType(qtype: number): boolean {
  return (qtype >= 128 && qtype < RecordType.ANY) || qtype === RecordType.OPT
}

/** A name outside the zones of the site. */
function forward(query: Query): DnsAnswer {
  const { octets, flags, client, plan, transport } = query
  const resolvers = findResolvers(plan, octets, question)
  if (resolvers.length === 0) return refuse(query, 'dns.no-resolver')
  if (!client.mayForward) return refuse(query, 'dns.client-not-allowed')
  if ((flags & HeaderFlag.recursionDesired) === 0) return refuse(query, 'dns.recursion-not-desired')
  const request = {
    ...askedOf(query),
    query: new Uint8Array(octets.subarray(0, question.end)),
    plan,
    resolvers,
    transport,
    limitOctets: replyLimit(query),
  }
  return { kind: 'forward', request }
}

// Answers from the zones of the site: finds the prepared response and copies it (RFC 1034 §4.3.2, RFC 4592 §3.3).

/** RFC 7766 §8: the length before a message has 16 bits. */
const tcpOctets = 65_535

/** Returns nothing for what resolvers answer: names outside the zones, delegated names, and DS of our zones (for this client). */
function answerFromZones(query: Query, qtype: number): DnsAnswer | undefined {
  const { octets, question, plan, available, out } = query
  const owner = findOwner(plan.names, octets, question, 0)
  const encloser = owner ?? findEncloser(plan.names, octets, question)
  if (encloser === undefined) return undefined
  // DS is the one type that the zone above a cut answers (RFC 4035 §3.1.4.1).
  const isAboveCut = owner !== undefined && qtype === RecordType.DS
  const referral = isAboveCut ? undefined : encloser.referral
  if (referral !== undefined && isForwarded(query)) return undefined
  const isApex = isAboveCut && owner.responses.has(RecordType.SOA)
  const parent = isApex ? findEncloser(plan.names, octets, question) : undefined
  if (isApex && parent === undefined && !isLocalZone(query) && isForwarded(query)) return undefined
  const response = parent?.nodata ?? referral ?? choose(owner ?? encloser.wildcard, encloser, qtype, octets)
  const limit = replyLimit(query)
  const written = writeResponse(octets, question, response, available, limit, out, clientOptions(query))
  const isRotated = ((owner ?? encloser.wildcard)?.responses.get(qtype)?.length ?? 1) > 1
  const isRepeatable = !isRotated && question.cookieOctets === 0
  return { kind: 'reply', octets: out.subarray(0, written), outcome: outcomeOf(response), isRepeatable }
}

/** Returns the largest reply that the client accepts, in octets. */
function replyLimit({ question, transport }: Query): number {
  return transport === 'tcp' ? tcpOctets : Math.min(question.udpOctets, ednsUdpOctets)
}

/** @param owner the owner of the records: the name itself, or the wildcard that covers it */
function choose(owner: Owner | undefined, encloser: Owner, qtype: number, octets: Uint8Array): Response {
  if (owner === undefined) return encloser.nxdomain
  const orders = owner.responses.get(qtype)
  if (orders === undefined) return owner.nodata
  // Query ids are random, so each address comes first for some clients.
  return orders[(octets[1] as number) % orders.length] as Response
}

function outcomeOf({ rcode, answers, isAuthoritative }: Response): Outcome {
  if (!isAuthoritative) return 'referred'
  if (rcode === ResponseCode.nxDomain) return 'nxdomain'
  return answers > 0 ? 'answered' : 'nodata'
}

const localZoneNames = localZones.map(({ name }) => encodeName(name))

/** Whether the name is that of a zone that is never forwarded (RFC 6761 §6.3). */
function isLocalZone({ octets, question }: Query): boolean {
  return localZoneNames.some((name) => isNameFrom(question, octets, 0, name))
}

/** Whether resolvers answer for a delegated zone: the client may forward and desires recursion (RFC 1034 §4.3.2). */
function isForwarded({ octets, flags, question, client, plan }: Query): boolean {
  const isDesired = (flags & HeaderFlag.recursionDesired) !== 0
  return client.mayForward && isDesired && findResolvers(plan, octets, question).length > 0
}
