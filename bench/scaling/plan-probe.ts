/**
 * Measures how long slipway needs to make a plan from a site file, and to find an answer in it, without the network.
 * Prints one JSON line. Arguments: site file, domain of the nodes, address of a relay agent on the subnet of the server,
 * number of nodes.
 */
import { explain, prepare } from '../../src/prepare.ts'
import { answer } from '../../src/serve/dns/answer.ts'
import { maxReplyOctets } from '../../src/serve/dhcp/reply.ts'
import { respond } from '../../src/serve/dhcp/respond.ts'
import { discover, dnsQuery } from '../answer-probe.ts'
import { median } from '../statistics.ts'

export type PlanFigures = {
  /** From the file to the plan: reading, validating, and compiling. */
  readonly compileMs: number
  readonly dnsMicroseconds: number
  readonly dhcpMicroseconds: number
}

const compilations = 3
const lookups = 20_000
const rounds = 20
/** Nodes of the subnet of the server (site.ts). */
const nodesOnLink = 1000

if (import.meta.main) await main(process.argv.slice(2))

async function main([path = '', domain = '', relay = '', count = '1']: readonly string[]): Promise<void> {
  const { plan } = await ready(path)
  const times: number[] = []
  for (let time = 0; time < compilations; time++) {
    const startedAt = performance.now()
    await ready(path)
    times.push(performance.now() - startedAt)
  }
  const { dns } = plan
  if (dns === undefined) throw new Error('the site serves no names')
  const out = new Uint8Array(maxReplyOctets)
  const queries = Array.from({ length: lookups }, (_, index) =>
    dnsQuery(index & 0xffff, `n${String(spread(index, Number(count)) + 1).padStart(4, '0')}.${domain}`),
  )
  const messages = Array.from({ length: lookups }, (_, index) =>
    discover(index, spread(index, Math.min(Number(count), nodesOnLink)), relay),
  )
  const client = { mayForward: false }
  const figures: PlanFigures = {
    compileMs: median(times),
    dnsMicroseconds: microseconds(queries, (query) => answer(query, client, dns, out, 'udp')),
    dhcpMicroseconds: microseconds(messages, (payload) =>
      respond({ payload, address: relay, port: 67 }, 'unicast', plan.dhcp, out),
    ),
  }
  process.stdout.write(`${JSON.stringify(figures)}\n`)
}

async function ready(path: string) {
  const prepared = await prepare(path)
  if (prepared.kind !== 'ready') throw new Error(explain(prepared).slice(0, 3).join('\n'))
  return prepared
}

/** Returns node indexes in an order in which neighbors are not next to each other. */
function spread(index: number, count: number): number {
  return (index * 7919) % count
}

/** Returns the time for one message, of the fastest round: other programs only make a round slower. */
function microseconds(messages: readonly Uint8Array[], each: (message: Uint8Array) => unknown): number {
  const times = Array.from({ length: rounds }, () => {
    const startedAt = performance.now()
    for (const message of messages) each(message)
    return ((performance.now() - startedAt) * 1000) / messages.length
  })
  return Math.min(...times)
}
