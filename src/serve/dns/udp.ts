/** The UDP sockets of the DNS service: read by a lane, or by the main thread where lanes are not available. */
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { createPlannedLane, withoutLane, type LaneState } from '../../host/lane/planned.ts'
import type { Log } from '../../host/log.ts'
import type { LaneSockets, Sockets, UdpPort } from '../../host/udp.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { endpointText } from '../../text/endpoint.ts'
import type { DnsLaneData, ForwardMessage } from './lane.ts'
import type { ForwardRequest } from './query.ts'
import type { StreamHandler } from './tcp.ts'

export type DnsUdp = {
  /** `udp 172.16.0.101:53` */
  readonly listening: readonly string[]
  readonly lane: LaneState
  /** Resolves when all answers come from the plan. */
  apply(plan: DnsPlan): Promise<void>
  /** Accepts no new queries; replies can still be sent. */
  stop(): Promise<void>
  close(): Promise<void>
}

export type UdpOptions = DnsLaneData & {
  readonly plan: () => DnsPlan
  readonly sockets: Sockets
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  readonly onLost: (error: Error) => void
  /** Answers a query in the main thread. */
  readonly serve: StreamHandler
  readonly forward: (request: ForwardRequest, address: string) => Uint8Array | Promise<Uint8Array>
}

/** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
export async function openUdp(options: UdpOptions): Promise<DnsUdp> {
  const { sockets, onLost } = options
  const { listen, ipv6 } = options.plan()
  const first = await openIpv4(options)
  if (ipv6 === undefined) return first
  try {
    const ports = await sockets.udp('dns6', { address: ipv6.address, port: listen.port, onLost })
    return joined(first, openPorts(options, ports, first.lane))
  } catch (error) {
    await first.stop()
    await first.close()
    throw error
  }
}

/** IPv6 is always answered in the main thread: lanes have IPv4 sockets. */
function joined(first: DnsUdp, second: DnsUdp): DnsUdp {
  return {
    listening: [...first.listening, ...second.listening],
    lane: first.lane,
    apply: (plan) => first.apply(plan),
    async stop() {
      await Promise.all([first.stop(), second.stop()])
    },
    async close() {
      await Promise.all([first.close(), second.close()])
    },
  }
}

async function openIpv4(options: UdpOptions): Promise<DnsUdp> {
  const { sockets, log, onLost } = options
  const { listen } = options.plan()
  const forLane = await sockets.lane?.('dns', { ...listen, onLost })
  if (forLane !== undefined && 'sockets' in forLane) return openLane(options, forLane)
  const state = withoutLane('dns', forLane?.reason, log)
  return openPorts(options, await sockets.udp('dns', { ...listen, onLost }), state)
}

function openPorts({ serve }: Pick<UdpOptions, 'serve'>, ports: readonly UdpPort[], lane: LaneState): DnsUdp {
  for (const port of ports) {
    port.receive((batch) => {
      for (const { payload, address, port: from } of batch) {
        const reply = serve(payload, address, from)
        // The result of sending is not needed: a client without a reply retries.
        if (reply instanceof Uint8Array) port.send(reply, address, from)
        else if (reply instanceof Promise) void reply.then((octets) => port.send(octets, address, from))
      }
    })
  }
  return {
    listening: ports.map(({ local }) => `udp ${endpointText(local)}`),
    lane,
    apply: () => Promise.resolve(),
    stop() {
      for (const port of ports) port.receive(() => undefined)
      return Promise.resolve()
    },
    async close() {
      await Promise.all(ports.map((port) => port.close()))
    },
  }
}

function openLane(options: UdpOptions, { libc, sockets }: LaneSockets): DnsUdp {
  const { secret, machine, serve, forward, clock, counters, log, onLost } = options

  function send(index: number, reply: ReturnType<StreamHandler>, address: string, port: number): void {
    const socket = sockets[index]
    if (reply instanceof Uint8Array) socket?.send(reply, address, port)
    else if (reply instanceof Promise) void reply.then((octets) => socket?.send(octets, address, port))
  }

  const lane = createPlannedLane<DnsPlan, ForwardMessage>({
    name: 'dns',
    program: { url: import.meta.url, name: './dns-worker' },
    data: { secret, machine } satisfies DnsLaneData,
    first: options.plan(),
    // The lane compiles the table.
    portable: (plan) => ({ ...plan, names: new Map() }),
    receive({ request, address, port, socket }) {
      send(socket, forward({ ...request, plan: options.plan() }, address), address, port)
    },
    answerHere: (socket) => (payload, address, port) =>
      send(socket, serve(payload, address, port), address, port),
    ...{ libc, sockets, clock, counters, log, onLost },
  })

  return {
    listening: sockets.map(({ local }) => `udp ${local.address}:${local.port}`),
    lane: lane.state,
    apply: (plan) => lane.apply(plan),
    stop: () => lane.stop(),
    close() {
      for (const socket of sockets) socket.close()
      return Promise.resolve()
    },
  }
}
