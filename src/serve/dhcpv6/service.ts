/** The DHCPv6 service: receives on one socket for all links, answers, counts, logs, and reports what it sees of nodes. */
import { MalformedPacket } from '../../proto/bytes.ts'
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import { createEventLimiter } from '../../host/connection-limits.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, Service, Sockets, UdpPort } from '../../host/udp.ts'
import type { Observe } from '../../install/observation.ts'
import type { Dhcpv6Plan } from '../../plan/dhcpv6/plan.ts'
import { endpointText } from '../../text/endpoint.ts'
import { RecentMap } from '../../host/recent-map.ts'
import type { Dhcpv6Code } from './codes.ts'
import { createLinks } from './links.ts'
import { maxReplyOctets } from './reply.ts'
import { respond, type Dhcpv6Context, type Dhcpv6Result } from './respond.ts'

export type Dhcpv6Options = {
  /** Called for each datagram, so a new plan takes effect with the next one. */
  readonly plan: () => Dhcpv6Plan
  readonly sockets: Sockets
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  readonly observe: Observe
  /** Called when the socket is lost; the process should end. */
  readonly onLost: (error: Error) => void
  /** Returns the addresses of this machine's interfaces; by default those of the system. */
  readonly interfaces?: () => InterfaceAddresses
}

export type Dhcpv6Service = Service & {
  /** Serves the links of the active plan. */
  apply(): void
  /** The interfaces on which clients are served. */
  links(): readonly string[]
}

const logIntervalMs = 10 * 60_000

/** Replies to one machine at once, and in each second: clients send at most a few messages per second. */
const repliesPerSecond = 128

/** @throws {CannotListen} when the socket cannot be opened */
export async function startDhcpv6(options: Dhcpv6Options): Promise<Dhcpv6Service> {
  const { plan, sockets, clock, counters, log, observe, onLost } = options
  const out = new Uint8Array(maxReplyOctets)
  const limit = createEventLimiter(clock)
  /** When undeclared machines were logged. */
  const loggedAt = new RecentMap<string, number>()
  const budgets = new RecentMap<string, { left: number; at: number }>(8192)
  const ports = await sockets.udp('dhcp6', { address: '::', port: plan().serverPort, onLost })
  const links = createLinks({ ...options, ports })

  for (const port of ports) {
    port.receive((batch) => {
      for (const datagram of batch) handle(datagram, port)
    })
  }

  function handle(datagram: Datagram, port: UdpPort): void {
    const client = endpointText(datagram)
    try {
      record(
        respond(datagram, plan(), (name) => links.networksOn(name), out),
        datagram,
        port,
      )
    } catch (error) {
      if (error instanceof MalformedPacket) {
        counters.increment('dhcpv6.malformed')
        log.debug({ client, ...refused('dhcpv6.malformed'), reason: error.message }, 'malformed packet')
        return
      }
      const packet = Buffer.from(datagram.payload).toString('hex')
      counters.increment('dhcpv6.failed')
      log.error({ client, ...refused('dhcpv6.internal-error'), err: error, packet }, 'packet handling failed')
    }
  }

  function record(result: Dhcpv6Result, { address }: Datagram, port: UdpPort): void {
    const { kind, about } = result
    if (about.code !== undefined) counters.refuse(about.code)
    counters.increment(counterOf[kind])
    if (!('reply' in result)) {
      if (kind === 'unknown-client') recordUnknown(about)
      else limit(`${about.node} ${about.code}`, (count) => log.info({ ...about, count }, messageOf[kind]))
      return
    }
    if (!hasBudget(about)) {
      counters.increment('dhcpv6.overBudget')
      return
    }
    port.send(result.reply, address, result.port, (error) => {
      counters.increment('dhcpv6.unsent')
      log.error({ ...about, ...refused('dhcpv6.reply-not-sent'), err: error }, 'reply not sent')
    })
    log[kind === 'declined' ? 'warn' : 'info'](about, messageOf[kind])
    if (result.seen !== undefined) observe(result.seen)
  }

  /** Logs an undeclared machine every ten minutes, and a flood of them every ten seconds. */
  function recordUnknown(about: Dhcpv6Context): void {
    const message = messageOf['unknown-client']
    const key = about.mac ?? about.duid ?? ''
    const now = clock.monotonic()
    if (now - (loggedAt.get(key) ?? -Infinity) < logIntervalMs) {
      log.debug(about, message)
      return
    }
    limit('undeclared', (count) => {
      log.info({ ...about, count }, message)
      loggedAt.set(key, now)
    })
  }

  /** A flood in the name of one machine must not fill the send buffer, which all replies share. */
  function hasBudget({ node = '' }: Dhcpv6Context): boolean {
    const now = clock.monotonic()
    const { left, at } = budgets.get(node) ?? { left: repliesPerSecond, at: now }
    const refilled = Math.min(repliesPerSecond, left + ((now - at) * repliesPerSecond) / 1000)
    budgets.set(node, { left: Math.max(0, refilled - 1), at: now })
    return refilled >= 1
  }

  /** Counts the code of a refusal, and returns it as a field of the log line. */
  function refused(code: Dhcpv6Code): { readonly code: Dhcpv6Code } {
    counters.refuse(code)
    return { code }
  }

  return {
    name: 'dhcpv6',
    listening: ports.map(({ local }) => `udp ${endpointText(local)}`),
    apply: () => links.refresh(),
    links: () => links.names(),
    async close() {
      links.close()
      await Promise.all(ports.map((port) => port.close()))
    },
  }
}

const counterOf: Readonly<Record<Dhcpv6Result['kind'], string>> = {
  advertised: 'dhcpv6.advertised',
  replied: 'dhcpv6.replied',
  informed: 'dhcpv6.informed',
  confirmed: 'dhcpv6.confirmed',
  released: 'dhcpv6.released',
  declined: 'dhcpv6.declined',
  ignored: 'dhcpv6.ignored',
  'unknown-client': 'dhcpv6.unknownClients',
}

const messageOf: Readonly<Record<Dhcpv6Result['kind'], string>> = {
  advertised: 'IPv6 address offered',
  replied: 'IPv6 address acknowledged',
  informed: 'parameters sent',
  confirmed: 'IPv6 addresses checked',
  released: 'IPv6 address released',
  declined: 'IPv6 address declined: another machine uses it',
  ignored: 'message ignored',
  'unknown-client': 'undeclared client refused',
}
