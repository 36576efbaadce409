/**
 * Receives syslog messages of declared nodes over UDP (RFC 5426) and TCP (RFC 6587). The sender of a message can be forged, so
 * a message never changes the state of a node.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Clock, Timer } from '../../host/clock.ts'
import { createEventLimiter } from '../../host/connection-limits.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Datagram, Service, Sockets, UdpPort } from '../../host/udp.ts'
import type { SyslogPlan } from '../../plan/syslog.ts'
import { createFraming } from '../../proto/syslog/framing.ts'
import { maxMessageOctets } from '../../proto/syslog/message.ts'
import { endpointText } from '../../text/endpoint.ts'
import type { SyslogCode } from './codes.ts'
import { createNodeLogs, type NodeLogs } from './node-logs.ts'

export type SyslogOptions = {
  readonly plan: () => SyslogPlan
  readonly sockets: Sockets
  readonly clock: Clock
  readonly counters: Counters
  readonly log: Log
  /** Called when a socket fails for good: the process should end. */
  readonly onLost: (error: Error) => void
}

export type SyslogService = Service & {
  readonly nodeLogs: NodeLogs
  /** Uses the active plan: closes connections of nodes that it does not declare, and deletes their logs. */
  apply(): void
}

/** rsyslog uses one, and an installer a few. */
const maxConnectionsPerNode = 4
/** A node that was powered off closes nothing. */
const idleMs = 3_600_000
const backlog = 64
/** A connection is not read for this time after a message that exceeded the rate of its node. */
const pauseMs = 1000

/** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
export async function startSyslog(options: SyslogOptions): Promise<SyslogService> {
  const { plan, sockets, clock, counters, log, onLost } = options
  const { address, address6, port } = plan()
  const nodeLogs = createNodeLogs(clock)
  const limit = createEventLimiter(clock)
  const connections = new Map<Socket, string>()
  const ports: UdpPort[] = []
  const servers: Server[] = []

  /** @returns whether the message was kept */
  function receive(node: string, octets: Uint8Array): boolean {
    counters.increment('syslog.messages')
    const isKept = nodeLogs.add(node, octets)
    if (!isKept) drop('syslog.rate-limit', node)
    return isKept
  }

  function drop(code: SyslogCode, client: string): void {
    counters.increment('syslog.dropped')
    counters.refuse(code)
    limit(code, (count) => log.warn({ client, code, count }, 'syslog message dropped'))
  }

  function receiveDatagrams(batch: readonly Datagram[]): void {
    const { senders } = plan()
    for (const { payload, address } of batch) {
      const node = senders.get(address)
      if (node === undefined) drop('syslog.undeclared-sender', address)
      else receive(node, payload)
    }
  }

  function accept(socket: Socket): void {
    // A client that left has no address.
    const address = socket.remoteAddress ?? ''
    const node = plan().senders.get(address)
    const open = [...connections.values()].filter((each) => each === node).length
    if (node === undefined || open >= maxConnectionsPerNode) {
      drop(node === undefined ? 'syslog.undeclared-sender' : 'syslog.connection-limit', address)
      socket.destroy()
      return
    }
    const framing = createFraming(maxMessageOctets)
    connections.set(socket, node)
    socket.setTimeout(idleMs, () => socket.destroy())
    let resuming: Timer | undefined
    socket.on('data', (chunk) => {
      const kept = framing.feed(chunk).map((octets) => receive(node, octets))
      if (!kept.includes(false)) return
      // The sender waits, and does not take time from DHCP and DNS with messages that are dropped.
      socket.pause()
      resuming = clock.after(pauseMs, () => socket.resume())
    })
    socket.on('end', () => {
      const last = framing.end()
      if (last !== undefined) receive(node, last)
    })
    socket.on('error', () => counters.increment('syslog.tcpErrors')) // a reset; 'close' follows
    socket.on('close', () => {
      resuming?.cancel()
      connections.delete(socket)
    })
  }

  function receiveFrom(opened: readonly UdpPort[]): void {
    ports.push(...opened)
    for (const each of opened) each.receive(receiveDatagrams)
  }

  async function listenOn(server: Server, listening: Promise<void>): Promise<void> {
    servers.push(server)
    await listening
    server.on('error', onLost)
  }

  async function close(): Promise<void> {
    for (const socket of connections.keys()) socket.destroy()
    await Promise.all([
      ...servers.map((server) => new Promise((resolve) => server.close(resolve))),
      ...ports.map((each) => each.close()),
    ])
  }

  try {
    receiveFrom(await sockets.udp('syslog', { address, port, onLost }))
    const server = createServer(accept)
    await listenOn(server, sockets.tcp('syslog', server, { address, port, backlog }))
    if (address6 !== undefined) {
      receiveFrom(await sockets.udp('syslog6', { address: address6, port, onLost }))
      const server6 = createServer(accept)
      await listenOn(server6, sockets.tcp('syslog6', server6, { address: address6, port, backlog }))
    }
  } catch (error) {
    await close()
    throw error
  }

  return {
    name: 'syslog',
    listening: [
      ...ports.map(({ local }) => `udp ${endpointText(local)}`),
      ...servers.map((server) => `tcp ${endpointText(server.address() as AddressInfo)}`),
    ],
    nodeLogs,
    apply() {
      const declared = new Set(plan().senders.values())
      nodeLogs.keep(declared)
      for (const [socket, node] of connections) if (!declared.has(node)) socket.destroy()
    },
    close,
  }
}
