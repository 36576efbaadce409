/** Compares the answers of all name servers of a site with its plan: records, delegations, and hidden reverse names. */
import { randomBytes } from 'node:crypto'
import { formatIpv4 } from '../proto/address/ip.ts'
import { declaredZones } from '../plan/dns/compile.ts'
import { localZones } from '../plan/dns/names.ts'
import { clusterDomain, type Model } from '../plan/model.ts'
import { enclosingZone } from '../site/declared.ts'
import type { DnsPlan, Zone } from '../plan/dns/plan.ts'
import { compareReply, expectationsOf, resultOf } from './compare.ts'
import { checkDelegation, type Delegated, findHiddenNames } from './zones.ts'
import { type AskServer, forEachInParallel } from './exchange.ts'
import type { CheckedServer, DriftReport, Expectation, RecordResult } from './report.ts'

/** After this many queries without an answer, a server is no longer queried. */
const maxUnanswered = 3

export type DriftOptions = {
  readonly model: Model
  /** Absent when another server has the zones. */
  readonly plan: DnsPlan | undefined
  readonly servers: readonly CheckedServer[]
  readonly ask: AskServer
  /** The label to query below wildcards. */
  readonly label?: string
}

export async function checkDrift(options: DriftOptions): Promise<DriftReport> {
  const { model, plan, servers, ask } = options
  const zones = declaredZones(model)
  const expectations = expectationsOf(zones, options.label ?? `slipway-${randomBytes(4).toString('hex')}`)
  const [records, aboutZones] = await Promise.all([
    Promise.all(servers.map((server) => checkServer(ask, server, expectations))),
    plan === undefined ? [] : checkZones(options, plan, zones),
  ])
  return { servers, records: records.flat(), zones: aboutZones }
}

async function checkServer(
  ask: AskServer,
  server: CheckedServer,
  expectations: readonly Expectation[],
): Promise<RecordResult[]> {
  const results = new Map<Expectation, RecordResult>()
  let unanswered = 0
  let reason: string | undefined
  const query = async (expectation: Expectation): Promise<boolean> => {
    const { query: name, type } = expectation
    const reply = await ask(server, { name, type })
    results.set(expectation, compareReply(server, expectation, reply))
    if (reply.kind !== 'unresponsive') return true
    reason = reply.reason
    return ++unanswered < maxUnanswered
  }
  // One query at first: a server that does not answer costs one time-out.
  const [first, ...others] = expectations
  if (first === undefined) return []
  await query(first)
  if (unanswered === 0) await forEachInParallel(others, query)
  return expectations.map(
    (expectation) => results.get(expectation) ?? resultOf(server, expectation, 'unresponsive', [], reason),
  )
}

async function checkZones({ model, servers, ask }: DriftOptions, plan: DnsPlan, declared: readonly Zone[]) {
  const own = [plan.listen.address, ...model.site.server.peers.map(formatIpv4)]
  const addresses = [...own, ...plan.secondaries.map(({ address }) => address)]
  // These servers have the zones themselves, so they do not show what others know.
  const resolvers = servers.filter(({ address }) => !addresses.includes(address))
  if (resolvers.length === 0) return []
  const delegations = await Promise.all(
    clusterZones(model, plan).map((zone) => checkDelegation(ask, resolvers, delegatedOf(zone, addresses))),
  )
  const known = new Set(declared.flatMap(({ records }) => records.map(({ owner }) => owner)))
  const reverse = plan.zones
    .filter((zone) => zone.name.endsWith('.in-addr.arpa') && !localZones.includes(zone))
    .map(({ name }) => name)
  const hidden = await Promise.all(
    resolvers.map((resolver) => findHiddenNames(ask, resolver, reverse, known)),
  )
  return [...delegations, ...hidden.flat()]
}

/** Returns the zones that clusters are in. */
function clusterZones({ site }: Model, { zones }: DnsPlan): Zone[] {
  const byName = new Map(zones.map((zone) => [zone.name, zone]))
  const names = new Set(site.clusters.map((cluster) => enclosingZone(clusterDomain(cluster), byName)))
  return [...names].flatMap((name) => byName.get(name ?? '') ?? [])
}

function delegatedOf({ name, records }: Zone, addresses: readonly string[]): Delegated {
  const nameServers = records.flatMap(({ owner, data }) =>
    data.type === 'NS' && owner === name ? [data.target] : [],
  )
  return { zone: name, nameServers, addresses }
}
