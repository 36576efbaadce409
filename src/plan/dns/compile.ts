/**
 * Compiles the plan of the name server: zones with SOA, NS, records, reverse names, cuts, and glue (RFC 1034 §4.2, RFC 1035 §5),
 * and prepared answers from the zones.
 */
import { formatIp, isIpv4, type Ip, formatIpv4, type Cidr } from '../../proto/address/ip.ts'
import { enclosingZone, withAncestors, forwardZoneNames } from '../../site/declared.ts'
import type { PlanFinding } from '../codes.ts'
import type { Model } from '../model.ts'
import { nameFindings } from './findings.ts'
import {
  compileForwarding,
  localZones,
  declaredNames,
  isValidZoneName,
  reverseNames,
  reverseZoneNames,
  isValidOwnerName,
  mailbox,
  type DeclaredName,
  reverseName,
  type ReverseNames,
} from './names.ts'
import type { DnsPlan, Zone } from './plan.ts'
import { compileNames } from './responses.ts'
import { flatMapSteps, forEachStep, runSteps } from '../steps.ts'
import { withSerial } from './zone.ts'
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import { isCidr6, type Cidr6 } from '../../proto/address/network6.ts'
import type { DnsRecord, Site } from '../../site/schema.ts'

/**
 * @param previous the plan served until now: the serial of a changed zone rises above its serial there
 * @returns no plan when another server serves the names (`dns.serve: false`)
 */
export function compileDns(model: Model, previous?: DnsPlan): Compiled {
  return runSteps(dnsSteps(model, previous))
}

type Compiled = { readonly plan: DnsPlan | undefined; readonly findings: readonly PlanFinding[] }

export function* dnsSteps(model: Model, previous?: DnsPlan): Generator<void, Compiled> {
  const { site, endpoint } = model
  if (!site.dns.serve) return { plan: undefined, findings: [] }

  const names = declaredNames(model)
  const reversed = reverseNames(model)
  const forward = forwardZoneNames(site)
  const reverse = reverseZoneNames(model, reversed)
  yield
  const built = yield* zoneSteps(
    model,
    { forward: forward.filter(isValidZoneName), reverse },
    names,
    reversed,
  )
  yield
  const zones = built.map((zone) => withSerial(zone, model.serial, zoneOf(previous, zone.name)))
  const own = new Set(zones.map((zone) => zone.name))
  const all = [...zones, ...localZones.filter((zone) => !own.has(zone.name))]
  yield
  const table = yield* compileNames(all)
  yield
  return {
    plan: {
      listen: { address: formatIpv4(endpoint.address), port: endpoint.ports.dns },
      ...(endpoint.address6 !== undefined && {
        ipv6: { address: endpoint.address6, clients: clients6Of(site) },
      }),
      zones: all,
      names: table,
      secondaries: site.dns.secondaries.map((address) => ({ address: formatIp(address), port: 53 })),
      ...compileForwarding(model),
      clients: clientsOf(site),
      isNamed: site.dns.nsid,
      nodeByAddress: new Map(
        model.members.flatMap((node) => node.addresses.map((address) => [formatIp(address), node.key])),
      ),
    },
    findings: nameFindings(model, { names, forward, reversed, reverse }),
  }
}

/** `dns.clients`; the subnets without it, or if it has only IPv6 networks. */
function clientsOf({ dns: { clients }, subnets }: Site): readonly Cidr[] {
  const isDeclared = clients !== undefined && (clients.length === 0 || !clients.every(isCidr6))
  return isDeclared ? clients.filter((each): each is Cidr => !isCidr6(each)) : subnets.map(({ cidr }) => cidr)
}

/** The IPv6 networks of `dns.clients`; without one, those of `subnets6`. */
function clients6Of({ dns: { clients = [] }, subnets6 }: Site): readonly Cidr6[] {
  const declared = clients.filter(isCidr6)
  return declared.length > 0 ? declared : subnets6.map(({ cidr }) => cidr)
}

function zoneOf(plan: DnsPlan | undefined, name: string): Zone | undefined {
  return plan?.zones.find((zone) => zone.name === name)
}

type ZoneNames = { readonly forward: readonly string[]; readonly reverse: readonly string[] }

/** Times of the SOA record in seconds, as in the hand-written zones of the guide. */
const times = { refresh: 3600, retry: 900, expire: 3_600_000, minimum: 3600 }

/** The serials are 0; `withSerial` sets them. */
function* zoneSteps(
  model: Model,
  { forward, reverse }: ZoneNames,
  names: readonly DeclaredName[],
  reverseNames: readonly ReverseNames[],
): Generator<void, Zone[]> {
  const zoneNames = [...forward, ...reverse]
  const zones = new Set(zoneNames)
  const { ttlSeconds, nameServers, contact } = model.site.dns
  /** A reverse zone has the name server and the mailbox of the first forward zone. */
  const mainZone = (zone: string) => (reverse.includes(zone) ? (forward[0] ?? zone) : zone)
  const serversOf = (zone: string) => nameServers ?? [`ns1.${mainZone(zone)}`]

  const servers = zoneNames.flatMap((zone) =>
    serversOf(zone).map((target): ResourceRecord => ({
      owner: zone,
      ttlSeconds,
      data: { type: 'NS', target },
    })),
  )
  // An undeclared name server in our zones is this machine.
  const owners = new Set(names.map(({ owner }) => owner))
  const ownServers = [...new Set(servers.map(({ data }) => (data as { target: string }).target))]
    .filter((server) => !owners.has(server))
    .map((owner): ResourceRecord => ({ owner, ttlSeconds, data: addressData(model.endpoint.address) }))
  const declared = yield* declaredRecords(model, names, reverseNames)
  const records = yield* validRecords([...servers, ...declared, ...ownServers])

  const byZone = new Map<string, ResourceRecord[]>(zoneNames.map((zone) => [zone, []]))
  const addresses = records.filter(isAddress)
  yield* forEachStep(records, (record) => {
    const zone = enclosingZone(record.owner, zones)
    if (zone === undefined) return
    byZone.get(zone)?.push(record)
    // The parent zone lists the servers of this zone, so that the names in between exist (RFC 1034 §4.2.1).
    if (record.data.type !== 'NS' || record.owner !== zone) return
    const above = enclosingZone(zone.slice(zone.indexOf('.') + 1), zones)
    if (above === undefined) return
    byZone.get(above)?.push(record)
    // A server name below its own cut cannot be resolved without glue.
    const { target } = record.data
    if (!withAncestors(target).includes(zone)) return
    byZone.get(above)?.push(...addresses.filter(({ owner }) => owner === target))
  })

  return [...byZone].map(([name, content]) => {
    const soa: RecordData = {
      type: 'SOA',
      mname: serversOf(name)[0] as string,
      rname: contact ?? mailbox(mainZone(name)),
      serial: 0,
      ...times,
    }
    return { name, records: [{ owner: name, ttlSeconds, data: soa }, ...content] }
  })
}

/**
 * Returns the declared records by zone, as another name server needs them: without SOA records, and without the NS and address
 * records that name this server. Zones without such records are omitted.
 */
export function declaredZones(model: Model): Zone[] {
  const reversed = reverseNames(model)
  const zones = new Set([
    ...forwardZoneNames(model.site).filter(isValidZoneName),
    ...reverseZoneNames(model, reversed),
  ])
  const declared = runSteps(declaredRecords(model, declaredNames(model), reversed))
  const records = runSteps(validRecords(declared))
  const byZone = Map.groupBy(records, ({ owner }) => enclosingZone(owner, zones))
  return [...zones].flatMap((name) => {
    const own = byZone.get(name)
    return own === undefined ? [] : [{ name, records: own }]
  })
}

/** Returns the records of the site, without those of the zones themselves. */
function* declaredRecords(
  { site }: Model,
  names: readonly DeclaredName[],
  reverseNames: readonly ReverseNames[],
): Generator<void, ResourceRecord[]> {
  const { ttlSeconds } = site.dns
  const addresses = yield* flatMapSteps(names, (name) =>
    name.addresses.map((address): ResourceRecord => ({
      owner: name.owner,
      ttlSeconds: name.ttlSeconds ?? ttlSeconds,
      data: addressData(address),
    })),
  )
  const pointers = yield* flatMapSteps(reverseNames, ({ address, targets }) =>
    targets.map((target): ResourceRecord => ({
      owner: reverseName(address),
      ttlSeconds,
      data: { type: 'PTR', target },
    })),
  )
  return [
    ...addresses,
    ...site.dns.records.flatMap((record) =>
      recordData(record).map((data) => ({
        owner: record.name,
        ttlSeconds: record.ttlSeconds ?? ttlSeconds,
        data,
      })),
    ),
    ...pointers,
  ]
}

/** Omits repeated records, and those with a name that is too long. */
function* validRecords(records: readonly ResourceRecord[]): Generator<void, ResourceRecord[]> {
  const seen = new Set<string>()
  return yield* flatMapSteps(records, (record) => {
    const { owner, data } = record
    if (!isValidOwnerName(owner) || (data.type === 'PTR' && !isValidOwnerName(data.target))) return []
    const key = `${owner} ${dataKey(data)}`
    if (seen.has(key)) return []
    seen.add(key)
    return [record]
  })
}

/** Returns a text that is the same only for the same data. */
function dataKey(data: RecordData): string {
  if (data.type === 'A') return String(data.address)
  return data.type === 'PTR' ? `PTR ${data.target}` : JSON.stringify(data)
}

/** Returns all data except addresses, which are among the declared names. */
function recordData(record: DnsRecord): RecordData[] {
  const { cname, txt = [], srv = [], mx = [], caa = [], ns = [], ptr = [], other = [] } = record
  return [
    ...(cname === undefined ? [] : [{ type: 'CNAME', target: cname } as const]),
    ...txt.map((text) => ({ type: 'TXT', text }) as const),
    ...srv.map((service) => ({ type: 'SRV', ...service }) as const),
    ...mx.map((exchange) => ({ type: 'MX', ...exchange }) as const),
    ...caa.map(({ critical, tag, value }) => ({ type: 'CAA', isCritical: critical, tag, value }) as const),
    ...ns.map((target) => ({ type: 'NS', target }) as const),
    ...ptr.map((target) => ({ type: 'PTR', target }) as const),
    ...other,
  ]
}

function isAddress({ data }: ResourceRecord): boolean {
  return data.type === 'A' || data.type === 'AAAA'
}

function addressData(address: Ip): RecordData {
  return isIpv4(address) ? { type: 'A', address } : { type: 'AAAA', address }
}
