/** Answers from the zones of the site: finds the prepared response and copies it (RFC 1034 §4.3.2, RFC 4592 §3.3). */
import { findEncloser, findOwner, findResolvers } from '../../plan/dns/lookup.ts'
import type { Owner, Response } from '../../plan/dns/plan.ts'
import { ednsUdpOctets, HeaderFlag, RecordType, ResponseCode } from '../../proto/dns/registry.ts'
import { clientOptions, type DnsAnswer, type Outcome, type Query } from './query.ts'
import { writeResponse } from './reply.ts'

/** RFC 7766 §8: the length before a message has 16 bits. */
const tcpOctets = 65_535

/** Returns nothing for a name outside the zones, and for a delegated name that resolvers answer for this client. */
export function answerFromZones(query: Query, qtype: number): DnsAnswer | undefined {
  const { octets, question, plan, available, out } = query
  const owner = findOwner(plan.names, octets, question, 0)
  const encloser = owner ?? findEncloser(plan.names, octets, question)
  if (encloser === undefined) return undefined
  // DS is the one type that the zone above a cut answers (RFC 4035 §3.1.4.1).
  const referral = owner !== undefined && qtype === RecordType.DS ? undefined : encloser.referral
  if (referral !== undefined && isForwarded(query)) return undefined
  const response = referral ?? choose(owner ?? encloser.wildcard, encloser, qtype, octets)
  const limit = replyLimit(query)
  const written = writeResponse(octets, question, response, available, limit, out, clientOptions(query))
  return { kind: 'reply', octets: out.subarray(0, written), outcome: outcomeOf(response) }
}

/** Returns the largest reply that the client accepts, in octets. */
export function replyLimit({ question, transport }: Query): number {
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

/** Whether resolvers answer for a delegated zone: the client may forward and desires recursion (RFC 1034 §4.3.2). */
function isForwarded({ octets, flags, question, client, plan }: Query): boolean {
  const isDesired = (flags & HeaderFlag.recursionDesired) !== 0
  return client.mayForward && isDesired && findResolvers(plan, octets, question).length > 0
}
