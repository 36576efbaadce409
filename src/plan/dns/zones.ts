/** From declared names to whole zones: SOA, NS, addresses, reverse names, cuts (RFC 1034 §4.2, RFC 1035 §5). */
import { isIpv4, type Ip } from '../../proto/address/ip.ts'
import { hashPrime, hashStart } from '../../proto/dns/name.ts'
import type { RecordData, ResourceRecord } from '../../proto/dns/record.ts'
import type { Model } from '../model.ts'
import { enclosingZone, isNameThatFits, mailbox, withAncestors, type DeclaredName } from './names.ts'
import type { Zone } from './plan.ts'
import { reverseName, type ReverseNames } from './reverse.ts'

type ZoneNames = { readonly forward: readonly string[]; readonly reverse: readonly string[] }

/** Times of the SOA in seconds, as in the zones that this program replaces. */
const times = { refresh: 3600, retry: 900, expire: 3_600_000, minimum: 3600 }

export function buildZones(
  model: Model,
  { forward, reverse }: ZoneNames,
  names: readonly DeclaredName[],
  reverseNames: readonly ReverseNames[],
): Zone[] {
  const zoneNames = [...forward, ...reverse]
  const zones = new Set(zoneNames)
  const { ttlSeconds, nameServers, contact } = model.site.dns
  /** A reverse zone has the name server and the mailbox of the first forward zone. */
  const home = (zone: string) => (reverse.includes(zone) ? (forward[0] ?? zone) : zone)
  const serversOf = (zone: string) => nameServers ?? [`ns1.${home(zone)}`]

  const records: ResourceRecord[] = []
  const seen = new Set<string>()
  const add = (owner: string, data: RecordData) => {
    if (!isNameThatFits(owner) || (data.type === 'PTR' && !isNameThatFits(data.target))) return
    const key = `${owner} ${JSON.stringify(data)}`
    if (seen.has(key)) return
    seen.add(key)
    records.push({ owner, ttlSeconds, data })
  }

  for (const zone of zoneNames) for (const target of serversOf(zone)) add(zone, { type: 'NS', target })
  for (const { owner, addresses } of names) for (const address of addresses) add(owner, addressData(address))
  // A name server in our zones that nobody declares is this machine.
  const owners = new Set(names.map(({ owner }) => owner))
  for (const server of new Set(zoneNames.flatMap(serversOf))) {
    if (!owners.has(server)) add(server, addressData(model.endpoint.address))
  }
  for (const { address, targets } of reverseNames) {
    for (const target of targets) add(reverseName(address), { type: 'PTR', target })
  }

  const byZone = new Map<string, ResourceRecord[]>(zoneNames.map((zone) => [zone, []]))
  for (const record of records) {
    const zone = enclosingZone(record.owner, zones)
    if (zone === undefined) continue
    byZone.get(zone)?.push(record)
    // The cut: the zone above names the servers of this one, so that names in between exist (RFC 1034 §4.2.1).
    if (record.data.type !== 'NS') continue
    const above = withAncestors(zone)
      .slice(1)
      .find((ancestor) => zones.has(ancestor))
    if (above !== undefined) byZone.get(above)?.push(record)
  }

  return [...byZone].map(([name, content]) => {
    const soa: RecordData = {
      type: 'SOA',
      mname: serversOf(name)[0] as string,
      rname: contact ?? mailbox(home(name)),
      serial: contentSerial(content),
      ...times,
    }
    return { name, records: [{ owner: name, ttlSeconds, data: soa }, ...content] }
  })
}

function addressData(address: Ip): RecordData {
  return isIpv4(address) ? { type: 'A', address } : { type: 'AAAA', address }
}

/**
 * The same zone has the same serial on every appliance and after every restart, a changed zone another one.
 * It does not rise (RFC 1982): nobody transfers these zones.
 */
function contentSerial(content: readonly ResourceRecord[]): number {
  let hash = hashStart
  for (const character of JSON.stringify(content)) {
    hash = Math.imul(hash ^ character.charCodeAt(0), hashPrime)
  }
  return hash >>> 0
}
