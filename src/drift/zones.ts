/**
 * Checks of zones: compares the delegation of a cluster's zone in its parent zone with the site (NS records, addresses, and DS
 * records: RFC 1034 §4.2.1, RFC 4035 §3.1.4.1), and finds reverse names of other servers that the reverse zones of this server hide.
 */
import { reverseName } from '../plan/dns/names.ts'
import { formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import type { DecodedAnswer } from '../proto/dns/message.ts'
import { ResponseCode } from '../proto/dns/registry.ts'
import { withAncestors } from '../site/declared.ts'
import { listSome, pluralize } from '../text/format.ts'
import type { DriftCode } from './codes.ts'
import { hasRecord, valuesIn } from './compare.ts'
import { forEachInParallel, type AskServer, type DnsQuestion } from './exchange.ts'
import type { CheckedServer, ZoneResult } from './report.ts'
import { formatServer } from './servers.ts'

type Target = Pick<CheckedServer, 'address' | 'port'>

export type Delegated = {
  /** The zone of a cluster, or the domain around it that this server has. */
  readonly zone: string
  /** The names in its NS records. */
  readonly nameServers: readonly string[]
  /** The addresses of the servers that have the zone. */
  readonly addresses: readonly string[]
}

/** More name servers of one zone are not queried. */
const maxParentServers = 4

/** @param resolvers servers that resolve other names, in the order in which they are queried */
export async function checkDelegation(
  ask: AskServer,
  resolvers: readonly Target[],
  delegated: Delegated,
): Promise<ZoneResult> {
  const { zone } = delegated
  const resolve = (question: DnsQuestion) => firstAnswer(ask, resolvers, question)
  const parent = await parentOf(resolve, zone)
  if (parent === undefined) {
    return resultOf(
      zone,
      'warning',
      'dns.delegation-unverified',
      'the resolvers do not answer for its parent zone',
    )
  }
  // A private domain below the root or a top-level domain cannot be delegated.
  if (!parent.includes('.')) {
    return resultOf(
      zone,
      'ok',
      undefined,
      `${withAncestors(zone)[1] ?? zone} is not registered, so nothing delegates it`,
    )
  }
  const servers = await addressesOfServers(resolve, parent)
  const views = await Promise.all(servers.map((server) => viewOf(ask, server, zone, parent)))
  const view = views.find((each) => each !== undefined)
  if (view === undefined) {
    const tried = servers.length === 0 ? 'none was found' : `tried ${servers.map(formatServer).join(', ')}`
    return resultOf(
      zone,
      'warning',
      'dns.delegation-unverified',
      `no name server of ${parent} answers: ${tried}`,
    )
  }
  return evaluateView(resolve, delegated, parent, view)
}

type Resolve = (question: DnsQuestion) => Promise<DecodedAnswer | undefined>

/** What one name server of the parent zone has for the zone. */
type ParentView = {
  readonly nameServers: readonly string[]
  /** Addresses in the additional section. */
  readonly glue: readonly string[]
  readonly hasDs: boolean
  readonly isParentSigned: boolean
}

async function evaluateView(
  resolve: Resolve,
  { zone, nameServers, addresses }: Delegated,
  parent: string,
  view: ParentView,
): Promise<ZoneResult> {
  if (view.hasDs) {
    return resultOf(
      zone,
      'failure',
      'dns.delegation-signed',
      `${parent} has a DS record, but the zone is not signed`,
    )
  }
  if (view.nameServers.length === 0) {
    const signed = view.isParentSigned
      ? '; it is signed, so validating resolvers reject the names of the zone'
      : ''
    const message = `${parent} does not delegate it: only resolvers that forward the zone here find its names${signed}`
    return resultOf(zone, 'warning', 'dns.delegation-missing', message)
  }
  const found = view.glue.length > 0 ? view.glue : await addressesOfNames(resolve, view.nameServers)
  const to = `${parent} delegates it to ${listSome(view.nameServers, 4)}`
  const others = found.filter((address) => !addresses.includes(address))
  if (found.length === 0 || others.length === found.length) {
    const where = found.length === 0 ? 'which have no address' : `at ${listSome(found, 4)}`
    const message = `${to}, ${where}: expected ${addresses.join(', ')}`
    return resultOf(zone, 'failure', 'dns.delegation-different', message)
  }
  if (others.length > 0) {
    const message = `${to}: ${listSome(others, 4)} is neither this server nor in dns.secondaries`
    return resultOf(zone, 'warning', 'dns.delegation-different', message)
  }
  if (view.nameServers.join() !== [...nameServers].sort().join()) {
    const message = `${to}, but the NS records of the zone name ${nameServers.join(', ')}: set dns.nameServers`
    return resultOf(zone, 'warning', 'dns.delegation-different', message)
  }
  return resultOf(zone, 'ok', undefined, `${to} at ${found.join(', ')}`)
}

/** Queries the name server directly. @returns nothing when it does not answer for the parent zone */
async function viewOf(
  ask: AskServer,
  server: Target,
  zone: string,
  parent: string,
): Promise<ParentView | undefined> {
  const query = async (name: string, type: DnsQuestion['type']) => {
    const reply = await ask(server, { name, type, isRecursionDesired: false })
    return reply.kind === 'answer' ? reply.answer : undefined
  }
  const answer = await query(zone, 'NS')
  if (answer === undefined || !isUsable(answer)) return undefined
  const nameServers = [...answer.answers, ...answer.authority].flatMap(({ owner, data }) =>
    data.type === 'NS' && owner.toLowerCase() === zone ? [data.target.toLowerCase()] : [],
  )
  const glue = nameServers.flatMap((name) => [
    ...valuesIn({ ...answer, answers: answer.additional }, name, 'A'),
    ...valuesIn({ ...answer, answers: answer.additional }, name, 'AAAA'),
  ])
  const ds = nameServers.length === 0 ? undefined : await query(zone, 'DS')
  const key = nameServers.length === 0 ? await query(parent, 'DNSKEY') : undefined
  return {
    nameServers: [...new Set(nameServers)].sort(),
    glue,
    hasDs: ds !== undefined && hasRecord(ds, zone, 'DS'),
    isParentSigned: key !== undefined && hasRecord(key, parent, 'DNSKEY'),
  }
}

/** Returns the apex of the zone that contains the parent domain: the SOA record in a positive or negative answer names it. */
async function parentOf(resolve: Resolve, zone: string): Promise<string | undefined> {
  const [, above = ''] = withAncestors(zone)
  const answer = await resolve({ name: above, type: 'SOA' })
  const soa = [...(answer?.answers ?? []), ...(answer?.authority ?? [])].find(
    ({ data }) => data.type === 'SOA',
  )
  const apex = soa?.owner.toLowerCase()
  return apex !== undefined && (apex === '' || withAncestors(above).includes(apex)) ? apex : undefined
}

async function addressesOfServers(resolve: Resolve, parent: string): Promise<Target[]> {
  const answer = await resolve({ name: parent, type: 'NS' })
  const names = answer === undefined ? [] : valuesIn(answer, parent, 'NS').slice(0, maxParentServers)
  const addresses = await addressesOfNames(resolve, names)
  return addresses.slice(0, maxParentServers).map((address) => ({ address, port: 53 }))
}

async function addressesOfNames(resolve: Resolve, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.slice(0, maxParentServers).map(async (name) => {
      const answer = await resolve({ name, type: 'A' })
      return answer === undefined ? [] : valuesIn(answer, name, 'A')
    }),
  )
  return [...new Set(found.flat())]
}

async function firstAnswer(
  ask: AskServer,
  resolvers: readonly Target[],
  question: DnsQuestion,
): Promise<DecodedAnswer | undefined> {
  for (const resolver of resolvers) {
    const reply = await ask(resolver, question)
    if (reply.kind === 'answer' && isUsable(reply.answer)) return reply.answer
  }
  return undefined
}

function isUsable({ rcode }: DecodedAnswer): boolean {
  return rcode === ResponseCode.noError || rcode === ResponseCode.nxDomain
}

function resultOf(
  zone: string,
  severity: ZoneResult['severity'],
  code: DriftCode | undefined,
  message: string,
): ZoneResult {
  return { kind: 'delegation', zone, severity, ...(code !== undefined && { code }), message }
}

/** The addresses of four /24 networks; more are not queried. */
const maxAddresses = 1024

/**
 * Finds reverse names of other servers that the reverse zones of this server hide from the nodes.
 *
 * @param zones reverse zones of this server
 * @param declared names that this server has
 * @param resolver a server of the company, whose own zones this server hides
 */
export async function findHiddenNames(
  ask: AskServer,
  resolver: Pick<CheckedServer, 'address' | 'port'>,
  zones: readonly string[],
  declared: ReadonlySet<string>,
): Promise<ZoneResult[]> {
  const results: ZoneResult[] = []
  let budget = maxAddresses
  for (const zone of zones) {
    const reply = await ask(resolver, { name: zone, type: 'SOA' })
    // A name that does not exist has no names below it (RFC 8020).
    if (reply.kind !== 'answer' || reply.answer.rcode !== ResponseCode.noError) continue
    const addresses = addressesIn(zone).filter((address) => !declared.has(reverseName(address)))
    const hidden: string[] = []
    await forEachInParallel(addresses.slice(0, budget), async (address) => {
      const name = reverseName(address)
      const answer = await ask(resolver, { name, type: 'PTR' })
      const [target] = answer.kind === 'answer' ? valuesIn(answer.answer, name, 'PTR') : []
      if (target !== undefined) hidden.push(`${formatIpv4(address)} (${target})`)
      return true
    })
    budget -= Math.min(budget, addresses.length)
    if (hidden.length === 0) continue
    const message = `this server hides ${pluralize(hidden.length, 'reverse name')} of ${formatServer(resolver)}: ${listSome(hidden.sort(), 5)}`
    results.push({ kind: 'reverse', zone, severity: 'warning', code: 'dns.reverse-hidden', message })
  }
  return results
}

/** Returns the addresses of a zone for a /24; larger and IPv6 zones have too many to query. */
function addressesIn(zone: string): Ipv4[] {
  const octets = zone
    .replace(/\.in-addr\.arpa$/, '')
    .split('.')
    .reverse()
    .map(Number)
  if (octets.length !== 3 || octets.some(Number.isNaN)) return []
  const network = octets.reduce((sum, octet) => sum * 256 + octet, 0) * 256
  return Array.from({ length: 256 }, (_, host) => (network + host) as Ipv4)
}
