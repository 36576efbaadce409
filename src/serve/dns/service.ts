/**
 * The DNS service: UDP and TCP in front of the pure answer, the forwarder behind it, counts and log lines
 * beside it. Answers are too many for a line each: those are at debug level.
 */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Service } from '../../host/service.ts'
import type { Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import type { DnsPlan, Resolver } from '../../plan/dns/plan.ts'
import { EdnsOption, HeaderFlag } from '../../proto/dns/registry.ts'
import { createAccess, createRateLimit } from './admission.ts'
import { answer, type DnsAnswer, type Transport } from './answer.ts'
import { createCookies } from './cookies.ts'
import { createForwarder } from './forward.ts'
import type { ResolverState } from './health.ts'
import { createNotes } from './query-log.ts'
import { createNotifier } from './notify.ts'
import { cutReply, ednsOption, readU16 } from './reply.ts'
import { createTcpService, type StreamHandler } from './tcp.ts'

export type DnsServiceOptions = {
  /** Read once for each query; a question that is forwarded ends under the plan it began with. */
  readonly plan: () => DnsPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Called when a socket is lost: the process should end. */
  readonly onLost: (error: Error) => void
}

export type DnsService = Service & {
  /** What its health is told by. */
  resolvers(): ResolverState[]
  /** The resolvers' answers that are kept. */
  cache(): { readonly entries: number; readonly octets: number }
  /** Tells the secondaries which zones they may not have yet: to be called when a plan begins to be served. */
  announce(): void
}

/** @throws {CannotListen} when a socket cannot be had; what was opened before is closed again */
export async function startDns(options: DnsServiceOptions): Promise<DnsService> {
  const { sockets, log, counters, clock, onLost } = options
  const access = createAccess()
  const notes = createNotes(log, clock)
  const forwarder = createForwarder(options)
  const notifier = createNotifier(options)
  // A new secret after each start: cookies of before are replaced with the next answer.
  const cookies = createCookies(randomBytes(16), clock)
  const rateLimit = createRateLimit(options)
  const machine = ednsOption(EdnsOption.nsid, new TextEncoder().encode(hostname()))
  /** Taken by each reply in turn: it is sent or copied before the next query is looked at. */
  const out = new Uint8Array(65_535)

  function serve(
    query: Uint8Array,
    address: string,
    port: number,
    transport: Transport,
  ): ReturnType<StreamHandler> {
    const plan = options.plan()
    const mayForward = access(plan, address)
    const shown = { isOurCookie: false }
    const cookie = (received: Uint8Array) => {
      const { option, isOurs } = cookies.judge(received, address)
      shown.isOurCookie = isOurs
      return option
    }
    let result: DnsAnswer
    try {
      const isSecondary = plan.secondaries.some((secondary) => secondary.address === address)
      const nsid = plan.isNamed ? machine : undefined
      result = answer(query, { mayForward, isSecondary, cookie, nsid }, plan, out, transport)
    } catch (error) {
      // Our bug, not the sender's: the next packet is served all the same.
      counters.increment('dns.failures')
      log.error(
        { client: `${address}:${port}`, packet: Buffer.from(query).toString('hex'), err: error },
        'query failed',
      )
      return undefined
    }
    counters.increment('dns.queries')
    notes.note(plan, query, address, port, result)
    if (result.kind === 'forward') return forwarder.forward(result.request, address)
    if (result.kind === 'transfer') {
      counters.increment('dns.transfers')
      return result.messages
    }
    counters.increment(counterNames[result.outcome])
    if (result.kind === 'silent') return undefined
    // The site's own clients ask as much as they like; who has our cookie, or comes by TCP, is who it says.
    if (!mayForward && transport === 'udp' && !shown.isOurCookie) {
      const verdict = rateLimit.judge(address)
      if (verdict === 'drop') return undefined
      if (verdict === 'slip') return cutReply(result.octets)
    }
    if ((readU16(result.octets, 2) & HeaderFlag.truncated) !== 0) counters.increment('dns.truncated')
    return result.octets
  }

  function receive(from: UdpPort, { payload, address, port }: Datagram): void {
    const reply = serve(payload, address, port, 'udp')
    if (reply === undefined) return
    // Whether it could be sent is not asked for: a client that got nothing asks again.
    if (reply instanceof Uint8Array) from.send(reply, address, port)
    else if (reply instanceof Promise) void reply.then((octets) => from.send(octets, address, port))
  }

  const tcp = createTcpService({
    handle: (query, address, port) => serve(query, address, port, 'tcp'),
    clock,
    counters,
  })
  const { listen } = options.plan()
  const ports = await sockets.udp('dns', { ...listen, onLost })
  for (const port of ports) {
    port.receive((batch) => {
      for (const datagram of batch) receive(port, datagram)
    })
  }
  try {
    await sockets.tcp('dns', tcp.server, listen)
  } catch (error) {
    await Promise.all(ports.map((port) => port.close()))
    throw error
  }
  tcp.server.on('error', onLost)

  return {
    name: 'dns',
    announce: () => notifier.announce(options.plan()),
    listening: [
      ...ports.map(({ local }) => `udp ${local.address}:${local.port}`),
      ...tcpAddress(tcp.server.address()),
    ],
    resolvers: () => forwarder.states(resolversOf(options.plan())),
    cache: () => forwarder.size(),
    async close(graceMs) {
      for (const port of ports) port.receive(() => undefined)
      await Promise.all([forwarder.close(graceMs), tcp.close(graceMs), notifier.close()])
      await Promise.all(ports.map((port) => port.close()))
    },
  }
}

/** One counter for each way a query can end. */
const counterNames = {
  answered: 'dns.answered',
  nodata: 'dns.nodata',
  nxdomain: 'dns.nxdomain',
  referred: 'dns.referred',
  refused: 'dns.refused',
  malformed: 'dns.malformed',
  notImplemented: 'dns.notImplemented',
  badVersion: 'dns.badVersion',
  notAuthoritative: 'dns.notAuthoritative',
  ignored: 'dns.ignored',
} as const

/** Each once, in the plan's order. */
function resolversOf({ resolvers, forwardZones }: DnsPlan): Resolver[] {
  const all = [...resolvers, ...forwardZones.flatMap((zone) => zone.resolvers)]
  return [...new Map(all.map((resolver) => [resolver.address, resolver])).values()]
}

function tcpAddress(address: AddressInfo | string | null): string[] {
  return address === null || typeof address === 'string' ? [] : [`tcp ${address.address}:${address.port}`]
}
