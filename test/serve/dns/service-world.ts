import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { startDns } from '../../../src/serve/dns/service.ts'
import { guideModel } from '../../plan/dns/guide.ts'
import { dnsPacket } from '../../support/dns-packet.ts'
import { fakeClock } from '../../support/fake-clock.ts'
import { hex } from '../../support/hex.ts'
import { inbox, memorySockets } from '../../support/memory-sockets.ts'
import { encode, planOf } from './ask.ts'

export const server = { address: '172.16.0.101', port: 53 }

/** The service on a network in memory, without TCP clients. */
export async function setUp(plan: DnsPlan = planOf(guideModel())) {
  const sockets = { ...memorySockets(), tcp: () => Promise.resolve() }
  const clock = fakeClock()
  const counters = new Counters()
  const lines: Record<string, unknown>[] = []
  const log = createLog('info', {
    write: (text) => void lines.push(JSON.parse(text) as Record<string, unknown>),
  })
  const lost: Error[] = []
  let current = plan
  const service = await startDns({
    plan: () => current,
    sockets,
    log,
    counters,
    clock,
    onLost: (error) => lost.push(error),
  })
  const client = async (address: string) => {
    const port = await sockets.bindUdp({ address, port: 0 })
    const box = inbox(port)
    const ask = async (query: Uint8Array) => {
      port.send(query, server.address, server.port)
      return dnsPacket.decode((await box.next()).payload)
    }
    return { port, box, ask }
  }
  const swap = (next: DnsPlan) => (current = next)
  return { service, sockets, clock, counters, lines, lost, client, swap }
}

/** A query with a COOKIE option, in hexadecimal, and padding (RFC 7830). */
export function withCookie(name: string, cookie: string, padding = 0): Uint8Array {
  const query = Buffer.from(encode({ name, edns: {} }))
  const length = cookie.length / 2
  query.writeUInt16BE(length + 4 + padding + 4, query.length - 2)
  const options = [
    Buffer.of(0, 10, 0, length),
    hex(cookie),
    Buffer.of(0, 12, 0, padding),
    Buffer.alloc(padding),
  ]
  return Buffer.concat([query, ...options])
}
