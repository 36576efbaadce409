/** The UDP sockets of the DNS service: read by a lane, or by the main thread where lanes are not available. */
import type { Clock } from '../../host/clock.ts'
import type { HostCode } from '../../host/codes.ts'
import type { Counters } from '../../host/counters.ts'
import { startLane, type Lane } from '../../host/lane/lane.ts'
import type { LaneSocket } from '../../host/lane/socket.ts'
import type { Log } from '../../host/log.ts'
import type { LaneSockets, Sockets, UdpPort } from '../../host/udp.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import type { ActiveProblem, Finding } from '../../text/codes.ts'
import type { DnsLaneData, DnsLaneMessage, PlanMessage } from './lane.ts'
import type { ForwardRequest } from './query.ts'
import type { StreamHandler } from './tcp.ts'

export type LaneState = {
  /** Whether the lane answers; else the main thread does. */
  isAnswering(): boolean
  /** Returns the problem of a lane that stopped. */
  problems(): readonly ActiveProblem[]
  /** Returns why there is no lane. */
  warnings(): readonly Finding[]
}

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
  const { sockets, log, onLost } = options
  const { listen } = options.plan()
  const forLane = await sockets.lane?.('dns', { ...listen, onLost })
  if (forLane !== undefined && 'sockets' in forLane) return openLane(options, forLane)
  const warnings: Finding[] = []
  if (forLane !== undefined) {
    const code: HostCode = 'server.lane-unavailable'
    const message = `DNS is answered in the main thread, because ${forLane.reason}`
    log.warn({ code, reason: forLane.reason }, 'lane not available')
    warnings.push({ code, severity: 'warning', about: 'dns', message })
  }
  return openPorts(options, await sockets.udp('dns', { ...listen, onLost }), warnings)
}

function openPorts(
  { serve }: Pick<UdpOptions, 'serve'>,
  ports: readonly UdpPort[],
  warnings: readonly Finding[],
): DnsUdp {
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
    listening: ports.map(({ local }) => `udp ${local.address}:${local.port}`),
    lane: { problems: () => [], warnings: () => warnings, isAnswering: () => false },
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

/** The main thread answers until the lane does, and while it is started again. */
function openLane(options: UdpOptions, { libc, sockets }: LaneSockets): DnsUdp {
  const { secret, machine, serve, forward, clock, counters, log, onLost } = options
  let lane: Lane | undefined
  let sent = options.plan()
  let version = 1
  let isAnswering = false
  let isStopped = false
  /** Resolves when the lane has applied the current version, or has ended. */
  let applied = Promise.withResolvers<undefined>()

  function send(socket: LaneSocket, reply: ReturnType<StreamHandler>, address: string, port: number): void {
    if (reply instanceof Uint8Array) socket.send(reply, address, port)
    else if (reply instanceof Promise) void reply.then((octets) => socket.send(octets, address, port))
  }

  function answerHere(): void {
    isAnswering = false
    applied.resolve(undefined)
    if (isStopped) return
    for (const socket of sockets) {
      socket.receive((payload, address, port) => {
        send(socket, serve(payload, address, port), address, port)
      })
    }
  }

  function receive(message: DnsLaneMessage): void {
    if (message.kind === 'forward') {
      const { request, address, port } = message
      const socket = sockets[message.socket]
      const reply = forward({ ...request, plan: options.plan() }, address)
      if (socket !== undefined) send(socket, reply, address, port)
      return
    }
    if (message.version !== version) return
    applied.resolve(undefined)
    if (isAnswering) return
    isAnswering = true
    for (const socket of sockets) socket.receive(undefined)
  }

  function start(): Lane {
    return startLane<DnsLaneMessage>({
      name: 'dns',
      program: { url: import.meta.url, name: './lane-worker' },
      data: { secret, machine } satisfies DnsLaneData,
      greet: () => [messageOf(sent, version)],
      ended: answerHere,
      ...{ libc, sockets, receive, clock, counters, log, onLost },
    })
  }

  answerHere()
  return {
    listening: sockets.map(({ local }) => `udp ${local.address}:${local.port}`),
    lane: {
      warnings: () => [],
      isAnswering: () => isAnswering,
      problems() {
        const problem = lane?.problem()
        return problem === undefined ? [] : [problem]
      },
    },
    async apply(plan) {
      if (plan !== sent) {
        sent = plan
        version++
        applied.resolve(undefined)
        applied = Promise.withResolvers()
        lane?.send(messageOf(plan, version))
      }
      // After the services: its start takes time that they need to start.
      lane ??= start()
      if (isAnswering) await applied.promise
    },
    async stop() {
      isStopped = true
      for (const socket of sockets) socket.receive(undefined)
      await lane?.stop()
    },
    close() {
      for (const socket of sockets) socket.close()
      return Promise.resolve()
    },
  }
}

function messageOf(plan: DnsPlan, version: number): PlanMessage {
  return { version, plan: { ...plan, names: new Map() } }
}
