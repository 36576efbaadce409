/** Compares the answers of a name server with the records that a site declares. Pure. */
import { enclosingZone } from '../site/declared.ts'
import { rdataText } from '../plan/dns/zone.ts'
import type { Zone } from '../plan/dns/plan.ts'
import type { DecodedAnswer } from '../proto/dns/message.ts'
import type { RecordData, ResourceRecord } from '../proto/dns/record.ts'
import { typeCode, type OtherTypeName } from '../proto/dns/presentation.ts'
import { RecordType, ResponseCode, type TypeName } from '../proto/dns/registry.ts'
import type { DriftCode } from './codes.ts'
import type { CheckedServer, Expectation, RecordResult, RecordStatus, Severity } from './report.ts'

/** The outcome of one query. */
export type DnsReply =
  | { readonly kind: 'answer'; readonly answer: DecodedAnswer }
  | { readonly kind: 'unresponsive' | 'malformed'; readonly reason: string }

type Owners = ReadonlyMap<string, readonly ResourceRecord[]>

/** RFC 1034 §3.6.2 sets no limit; resolvers follow about this many aliases. */
const maxAliases = 16

/**
 * Returns what every server should answer. A name with addresses of one family must have none of the other family. An alias
 * is compared by its addresses, because some servers store those instead. Delegations are not compared, and neither are names
 * below them, whose records here are glue (RFC 1034 §4.2.1).
 *
 * @param label the label to query below a wildcard
 */
export function expectationsOf(zones: readonly Zone[], label: string): Expectation[] {
  const all: Owners = Map.groupBy(
    zones.flatMap(({ records }) => records),
    ({ owner }) => owner,
  )
  const cuts = new Set(
    [...all].flatMap(([name, own]) => (own.some(({ data }) => data.type === 'NS') ? [name] : [])),
  )
  return zones.flatMap(({ name: zone, records }) =>
    [...Map.groupBy(records, ({ owner }) => owner)].flatMap(([name, own]) => {
      if (enclosingZone(name, cuts) !== undefined) return []
      const query = name.replace(/^\*/, label)
      const resolved = own.flatMap((record) => targetsOf(record, all))
      const types = new Set<TypeName | OtherTypeName>(
        own.flatMap(({ data }): (TypeName | OtherTypeName)[] =>
          data.type === 'CNAME' || 'address' in data ? ['A', 'AAAA'] : [data.type],
        ),
      )
      return [...types].map((type): Expectation => {
        const values = resolved.filter(({ data }) => data.type === type).map(({ data }) => valueOf(data))
        return { zone, name, query, type, values: unique(values) }
      })
    }),
  )
}

/** Follows aliases within the site, which refuses loops. */
function targetsOf(record: ResourceRecord, all: Owners): readonly ResourceRecord[] {
  if (record.data.type !== 'CNAME') return [record]
  return (all.get(record.data.target) ?? []).flatMap((next) => targetsOf(next, all))
}

export function compareReply(server: CheckedServer, expectation: Expectation, reply: DnsReply): RecordResult {
  if (reply.kind !== 'answer') return resultOf(server, expectation, reply.kind, [], reply.reason)
  const { answer } = reply
  const { values } = expectation
  const isNegative = answer.rcode === ResponseCode.nxDomain
  if (answer.rcode !== ResponseCode.noError && !isNegative) {
    return resultOf(server, expectation, 'lame', [], formatRcode(answer.rcode))
  }
  const found = unique(valuesIn(answer, expectation.query, expectation.type))
  if (found.length === 0) {
    if (isReferral(answer))
      return resultOf(server, expectation, 'lame', found, 'a referral, without recursion')
    const reason = isNegative ? 'NXDOMAIN' : 'no such record'
    return resultOf(server, expectation, values.length === 0 ? 'ok' : 'missing', found, reason)
  }
  const isComplete = values.every((value) => found.includes(value))
  const isExact = isComplete && found.length === values.length
  return resultOf(server, expectation, isExact ? 'ok' : isComplete ? 'extra' : 'different', found)
}

const codes: Readonly<Record<Exclude<RecordStatus, 'ok'>, DriftCode>> = {
  missing: 'dns.record-missing',
  different: 'dns.record-different',
  extra: 'dns.record-extra',
  lame: 'dns.server-lame',
  unresponsive: 'dns.server-unresponsive',
  malformed: 'dns.answer-malformed',
}

export function resultOf(
  server: CheckedServer,
  expectation: Expectation,
  status: RecordStatus,
  found: readonly string[],
  reason?: string,
): RecordResult {
  if (status === 'ok') return { server, expectation, status, severity: 'ok', found }
  // A wrong answer misleads the users of any server; an absent one matters where nodes depend on the server.
  const isWrong = status === 'different' || status === 'extra'
  const severity: Severity = server.isRequired || isWrong ? 'failure' : 'warning'
  return {
    server,
    expectation,
    status,
    severity,
    code: codes[status],
    found,
    ...(reason !== undefined && { reason }),
  }
}

/** Returns the data of a type that an answer has for a name, or for the end of its aliases. */
export function valuesIn({ answers }: DecodedAnswer, name: string, type: TypeName | OtherTypeName): string[] {
  let end = name.toLowerCase()
  const at = ({ owner }: { readonly owner: string }) => owner.toLowerCase() === end
  for (let count = 0; count < maxAliases; count++) {
    const alias = answers.find((record) => at(record) && record.data.type === 'CNAME')
    if (alias?.data.type !== 'CNAME') break
    end = alias.data.target.toLowerCase()
  }
  return answers.flatMap((record) => {
    const { data } = record
    if (!at(record)) return []
    if (data.type !== 'other') return data.type === type ? [valueOf(data)] : []
    return data.code === typeCode(type) ? [Buffer.from(data.rdata).toString('hex')] : []
  })
}

/** Whether a server without recursion answers for a name that it does not have (RFC 1034 §4.3.2). */
export function isReferral({ rcode, answers, authority, ...answer }: DecodedAnswer): boolean {
  if (rcode !== ResponseCode.noError || answer.isAuthoritative || answers.length > 0) return false
  const has = (type: 'NS' | 'SOA') => authority.some(({ data }) => data.type === type)
  return !answer.isRecursionAvailable || (has('NS') && !has('SOA'))
}

/** Names are compared case-insensitively, texts case-sensitively. */
function valueOf(data: RecordData): string {
  if ('rdata' in data) return data.rdata
  const text = rdataText(data)
  return data.type === 'TXT' || data.type === 'CAA' ? text : text.toLowerCase().replace(/\.$/, '')
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort()
}

const rcodeNames = new Map<number, string>([
  [ResponseCode.formErr, 'FORMERR'],
  [ResponseCode.servFail, 'SERVFAIL'],
  [ResponseCode.nxDomain, 'NXDOMAIN'],
  [ResponseCode.notImp, 'NOTIMP'],
  [ResponseCode.refused, 'REFUSED'],
  [ResponseCode.notAuth, 'NOTAUTH'],
  [ResponseCode.badVers, 'BADVERS'],
])

export function formatRcode(rcode: number): string {
  return rcodeNames.get(rcode) ?? `response code ${rcode}`
}

/** Returns whether a section has a record of this type for the name; `DS` and `DNSKEY` are not decoded. */
export function hasRecord({ answers }: DecodedAnswer, name: string, type: TypeName): boolean {
  return answers.some(({ owner, data }) => {
    const isType = data.type === 'other' ? data.code === RecordType[type] : data.type === type
    return isType && owner.toLowerCase() === name
  })
}
