/**
 * The DNS service: UDP in a lane, or in the main thread where there is none; TCP, forwarding, zone transfers, and
 * notifications in the main thread.
 */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { LaneState } from '../../host/lane/planned.ts'
import type { Log } from '../../host/log.ts'
import type { Service, Sockets } from '../../host/udp.ts'
import { formatResolver, type DnsPlan, type Resolver } from '../../plan/dns/plan.ts'
import { formatMinute } from '../../plan/ignition/findings.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { endpointText } from '../../text/endpoint.ts'
import { EdnsOption } from '../../proto/dns/registry.ts'
import type { DnsCode } from './codes.ts'
import { createCookies } from './cookies.ts'
import { createForwarder } from './forward.ts'
import { type ResolverState, createProber, probeRequest } from './health.ts'
import { createNotifier } from './notify.ts'
import type { ForwardRequest, Transport } from './query.ts'
import { ednsOption } from './reply.ts'
import { createResponder } from './respond.ts'
import { createTcpService, type StreamHandler, type TcpOptions } from './tcp.ts'
import { openUdp } from './udp.ts'

/** Clients use UDP first, so few connect at the same time: a flood of connections must not delay DHCP and DNS over UDP. */
const tcpBacklog = 64

export type DnsServiceOptions = {
  /** Read once for each query: a forwarded query ends with the plan that it started with. */
  readonly plan: () => DnsPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Called when a socket fails for good: the process should end. */
  readonly onLost: (error: Error) => void
}

export type DnsService = Service & {
  /** Returns the state of each resolver. */
  resolvers(): ResolverState[]
  /** Returns the resolvers that do not answer. */
  problems(): ActiveProblem[]
  /** Returns the size of the cache. */
  cache(): { readonly entries: number; readonly octets: number }
  /**
   * Answers from the active plan, and notifies secondaries of changed zones. Call it after each change of the plan. Resolves
   * when all answers come from it; never rejects.
   */
  apply(): Promise<void>
  readonly lane: LaneState
}

/** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
export async function startDns(options: DnsServiceOptions): Promise<DnsService> {
  const { sockets, log, counters, clock, onLost } = options
  const forwarder = createForwarder(options)
  const notifier = createNotifier(options)
  const machine = ednsOption(EdnsOption.nsid, new TextEncoder().encode(hostname()))
  // A new secret for each start: the next reply replaces an older cookie.
  const secret = randomBytes(16)
  const responder = createResponder({ ...options, cookies: createCookies(secret, clock), machine })
  /** Shared by all replies: a reply is sent or copied before the next query is processed. */
  const out = new Uint8Array(65_535)

  function serve(
    query: Uint8Array,
    address: string,
    port: number,
    transport: Transport,
  ): ReturnType<StreamHandler> {
    const plan = options.plan()
    const reply = responder.respond(plan, query, address, port, transport, out)
    if (typeof reply === 'number') return reply === 0 ? undefined : out.subarray(0, reply)
    if (reply.kind === 'forward') return forward(reply.request, address)
    counters.increment('dns.transfers')
    return reply.messages
  }

  const forward = (request: ForwardRequest, address: string) =>
    forwarder.forward(request, address, responder.isKnown(options.plan(), address))

  const tcpOptions: TcpOptions = {
    handle: (query, address, port) => serve(query, address, port, 'tcp'),
    isKnown: (address) => responder.isKnown(options.plan(), address),
    clock,
    counters,
    log,
  }
  const tcp = createTcpService(tcpOptions)
  const { listen, ipv6 } = options.plan()
  const tcp6 = ipv6 && createTcpService(tcpOptions)
  const udp = await openUdp({
    ...options,
    serve: (query, address, port) => serve(query, address, port, 'udp'),
    forward,
    secret,
    machine,
  })
  try {
    await sockets.tcp('dns', tcp.server, { ...listen, backlog: tcpBacklog })
    if (ipv6 !== undefined && tcp6 !== undefined) {
      await sockets.tcp('dns6', tcp6.server, { ...listen, address: ipv6.address, backlog: tcpBacklog })
    }
  } catch (error) {
    await tcp.close(0)
    await udp.stop()
    await udp.close()
    throw error
  }
  for (const each of [tcp, tcp6]) each?.server.on('error', onLost)
  const prober = createProber({
    clock,
    resolvers: () => resolversOf(options.plan()),
    states: (resolvers) => forwarder.states(resolvers),
    probe: (resolver) => forwarder.probe(probeRequest(options.plan(), resolver)),
  })

  return {
    name: 'dns',
    async apply() {
      await udp.apply(options.plan())
      // A secondary that is notified asks for the serial at once, which must be the new one.
      notifier.announce(options.plan())
    },
    listening: [
      ...udp.listening,
      ...[tcp, tcp6].flatMap((each) => tcpAddress(each?.server.address() ?? null)),
    ],
    resolvers: () => forwarder.states(resolversOf(options.plan())),
    problems: () => resolverProblems(forwarder.states(resolversOf(options.plan()))),
    cache: () => forwarder.size(),
    lane: udp.lane,
    async close(graceMs) {
      prober.close()
      await Promise.all([
        udp.stop(),
        forwarder.close(graceMs),
        tcp.close(graceMs),
        tcp6?.close(graceMs),
        notifier.close(),
      ])
      await udp.close()
    },
  }
}

/** Returns each resolver once, in the order of the plan. */
function resolversOf({ resolvers, forwardZones }: DnsPlan): Resolver[] {
  const all = [...resolvers, ...forwardZones.flatMap((zone) => zone.resolvers)]
  return [...new Map(all.map((resolver) => [formatResolver(resolver), resolver])).values()]
}

function resolverProblems(states: readonly ResolverState[]): ActiveProblem[] {
  const code: DnsCode = 'dns.resolver-unreachable'
  return states
    .filter(({ isAnswering }) => !isAnswering)
    .map(({ address, since = 0 }) => {
      return { code, text: `resolver ${address} has not answered since ${formatMinute(since)}` }
    })
}

function tcpAddress(address: AddressInfo | string | null): string[] {
  return address === null || typeof address === 'string' ? [] : [`tcp ${endpointText(address)}`]
}
