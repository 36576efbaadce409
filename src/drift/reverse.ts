/** Finds reverse names of other servers that the reverse zones of this server hide from the nodes. */
import { formatIpv4, type Ipv4 } from '../proto/address/ip.ts'
import { reverseName } from '../plan/dns/names.ts'
import { ResponseCode } from '../proto/dns/registry.ts'
import { listSome, pluralize } from '../text/format.ts'
import { valuesIn } from './compare.ts'
import type { AskServer } from './exchange.ts'
import { forEachInParallel } from './parallel.ts'
import type { CheckedServer, ZoneResult } from './report.ts'
import { formatServer } from './servers.ts'

/** The addresses of four /24 networks; more are not queried. */
const maxAddresses = 1024

/**
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
