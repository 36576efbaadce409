/**
 * The DNS service: sockets, admission, the pure answer, the forwarder, and notifications. Counts and logs each query;
 * single queries are logged at debug level.
 */
import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Service, Datagram, Sockets, UdpPort } from '../../host/udp.ts'
import { formatResolver, type DnsPlan, type Resolver } from '../../plan/dns/plan.ts'
import { formatMinute } from '../../plan/ignition/findings.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { EdnsOption, HeaderFlag } from '../../proto/dns/registry.ts'
import { formatQuestion } from '../../proto/dns/question.ts'
import { createAccess, createRateLimit } from './admission.ts'
import { answer } from './answer.ts'
import type { DnsCode } from './codes.ts'
import { createCookies } from './cookies.ts'
import { createForwarder } from './forward.ts'
import { type ResolverState, createProber, probeRequest } from './health.ts'
import { createNotifier } from './notify.ts'
import type { DnsAnswer, Transport } from './query.ts'
import { cutReply, ednsOption, readU16 } from './reply.ts'
import { createTcpService, type StreamHandler } from './tcp.ts'

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
  /** Notifies secondaries of changed zones. Call it after each change of the plan. */
  announce(): void
}

/** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
export async function startDns(options: DnsServiceOptions): Promise<DnsService> {
  const { sockets, log, counters, clock, onLost } = options
  const access = createAccess()
  const queryLog = createQueryLog(log, clock)
  const forwarder = createForwarder(options)
  const notifier = createNotifier(options)
  // A new secret for each start: the next reply replaces an older cookie.
  const cookies = createCookies(randomBytes(16), clock)
  const rateLimit = createRateLimit(options)
  const machine = ednsOption(EdnsOption.nsid, new TextEncoder().encode(hostname()))
  /** Shared by all replies: a reply is sent or copied before the next query is processed. */
  const out = new Uint8Array(65_535)

  /** Of the query that is being answered: `isProven` if a TCP connection or a cookie proves the address. */
  const sender = { address: '', isProven: false }
  const cookie = (received: Uint8Array): Uint8Array => {
    const { option, isOurs } = cookies.verify(received, sender.address)
    sender.isProven ||= isOurs
    return option
  }

  function serve(
    query: Uint8Array,
    address: string,
    port: number,
    transport: Transport,
  ): ReturnType<StreamHandler> {
    const plan = options.plan()
    const { mayForward, isKnown, isSecondary } = access(plan, address)
    sender.address = address
    sender.isProven = transport === 'tcp'
    let result: DnsAnswer
    try {
      const nsid = plan.isNamed ? machine : undefined
      result = answer(query, { mayForward, isSecondary, cookie, nsid }, plan, out, transport)
    } catch (error) {
      // A bug must not end the process.
      counters.increment('dns.failures')
      const code: DnsCode = 'dns.query-failed'
      const packet = Buffer.from(query).toString('hex')
      log.error({ code, client: `${address}:${port}`, packet, err: error }, 'query failed')
      return undefined
    }
    counters.increment('dns.queries')
    queryLog.record(plan, query, address, port, result)
    if (result.kind === 'forward') return forwarder.forward(result.request, address, isKnown)
    if (result.kind === 'transfer') {
      counters.increment('dns.transfers')
      return result.messages
    }
    counters.increment(counterNames[result.outcome])
    if (result.kind === 'silent') return undefined
    if (result.code !== undefined) counters.refuse(result.code)
    // A valid cookie or a TCP connection proves the source address. Without a proof, a client outside the site gets no
    // more octets than it sent: the query may be forged to flood a third party. TC lets a real client use TCP.
    if (!mayForward && !isKnown && !sender.isProven) {
      const decision = rateLimit.decide(address)
      if (decision === 'drop') return undefined
      if (decision === 'slip' || result.octets.length > query.length) return cutReply(result.octets)
    }
    if ((readU16(result.octets, 2) & HeaderFlag.truncated) !== 0) counters.increment('dns.truncated')
    return result.octets
  }

  function receive(from: UdpPort, { payload, address, port }: Datagram): void {
    const reply = serve(payload, address, port, 'udp')
    if (reply === undefined) return
    // The result of sending is not needed: a client without a reply retries.
    if (reply instanceof Uint8Array) from.send(reply, address, port)
    else if (reply instanceof Promise) void reply.then((octets) => from.send(octets, address, port))
  }

  const tcp = createTcpService({
    handle: (query, address, port) => serve(query, address, port, 'tcp'),
    isKnown: (address) => access(options.plan(), address).isKnown,
    clock,
    counters,
    log,
  })
  const { listen } = options.plan()
  const ports = await sockets.udp('dns', { ...listen, onLost })
  for (const port of ports) {
    port.receive((batch) => {
      for (const datagram of batch) receive(port, datagram)
    })
  }
  try {
    await sockets.tcp('dns', tcp.server, { ...listen, backlog: tcpBacklog })
  } catch (error) {
    await Promise.all(ports.map((port) => port.close()))
    throw error
  }
  tcp.server.on('error', onLost)
  const prober = createProber({
    clock,
    resolvers: () => resolversOf(options.plan()),
    states: (resolvers) => forwarder.states(resolvers),
    probe: (resolver) => forwarder.probe(probeRequest(options.plan(), resolver)),
  })

  return {
    name: 'dns',
    announce: () => notifier.announce(options.plan()),
    listening: [
      ...ports.map(({ local }) => `udp ${local.address}:${local.port}`),
      ...tcpAddress(tcp.server.address()),
    ],
    resolvers: () => forwarder.states(resolversOf(options.plan())),
    problems: () => resolverProblems(forwarder.states(resolversOf(options.plan()))),
    cache: () => forwarder.size(),
    async close(graceMs) {
      prober.close()
      for (const port of ports) port.receive(() => undefined)
      await Promise.all([forwarder.close(graceMs), tcp.close(graceMs), notifier.close()])
      await Promise.all(ports.map((port) => port.close()))
    },
  }
}

/** One counter for each outcome. */
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
  return address === null || typeof address === 'string' ? [] : [`tcp ${address.address}:${address.port}`]
}

// Log lines about queries: each query at debug level, zone transfers, and a summary of refused clients.

export type QueryLog = {
  record(plan: DnsPlan, query: Uint8Array, address: string, port: number, result: DnsAnswer): void
}

/** Refused clients may be many: one line in this time. */
const quietMs = 10_000

/** The refusals that an administrator may want to change. */
const reported = new Set<DnsCode | undefined>(['dns.client-not-allowed', 'dns.transfer-not-allowed'])

export function createQueryLog(log: Log, clock: Clock): QueryLog {
  let quietUntil = 0
  let queries = 0

  function facts(plan: DnsPlan, query: Uint8Array, address: string, port: number, result: DnsAnswer) {
    return {
      node: plan.nodeByAddress.get(address),
      client: `${address}:${port}`,
      question: hasQuestion(result) ? formatQuestion(query) : undefined,
      ...outcome(result),
    }
  }

  return {
    record(plan, query, address, port, result) {
      if (log.isDebug()) log.debug(facts(plan, query, address, port, result), 'query')
      if (result.kind === 'transfer') {
        const { name, records } = result.zone
        log.info({ client: `${address}:${port}`, zone: name, records: records.length }, 'zone transferred')
      }
      if (result.kind !== 'reply' || !reported.has(result.code)) return
      queries++
      if (clock.monotonic() < quietUntil) return
      log.info({ ...facts(plan, query, address, port, result), queries }, 'undeclared client refused')
      quietUntil = clock.monotonic() + quietMs
      queries = 0
    },
  }
}

function outcome(result: DnsAnswer): {
  outcome: string
  code?: DnsCode | undefined
  reason?: string | undefined
} {
  switch (result.kind) {
    case 'forward':
      return { outcome: 'forwarded' }
    case 'transfer':
      return { outcome: 'transferred' }
    case 'silent':
      return { outcome: result.outcome, reason: result.reason }
    case 'reply':
      return { outcome: result.outcome, code: result.code, reason: result.reason }
  }
}

/** Whether the question of the query was read. */
function hasQuestion(result: DnsAnswer): boolean {
  if (result.kind === 'forward' || result.kind === 'transfer') return true
  return result.kind === 'reply' && result.outcome !== 'malformed' && result.outcome !== 'notImplemented'
}
