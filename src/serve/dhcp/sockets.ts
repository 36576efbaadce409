/** The sockets that DHCP listens on, and the socket that sends the replies of each. */
import { formatIpv4 } from '../../proto/address/ip.ts'
import type { Clock } from '../../host/clock.ts'
import {
  createAttachedNetworks,
  createOwnInterface,
  type InterfaceAddresses,
  type OwnInterface,
} from '../../host/attached-networks.ts'
import type { Libc, NoLibc } from '../../host/lane/libc.ts'
import type { LaneSocket } from '../../host/lane/socket.ts'
import type { Sockets, UdpOptions, UdpPort } from '../../host/udp.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Arrival } from './decide.ts'
import type { IsAttached } from './request.ts'

export type DhcpSocketOptions = {
  /** Called for each datagram, so a new plan takes effect with the next one. */
  readonly plan: () => DhcpPlan
  readonly sockets: Sockets
  /** Called when a socket is lost; the process should end. */
  readonly onLost: (error: Error) => void
  readonly clock: Pick<Clock, 'monotonic'>
  /** Returns the addresses of this machine's interfaces; by default those of the system. */
  readonly interfaces?: () => InterfaceAddresses
}

export type DhcpSocket = {
  readonly port: UdpPort
  /** How datagrams arrive at this socket. */
  readonly arrival: Arrival
  /** The socket that sends the replies. */
  readonly replies: UdpPort
}

/** @throws {CannotListen} when a socket cannot be opened; sockets opened before are closed again */
export async function openDhcpSockets(options: DhcpSocketOptions): Promise<DhcpSocket[]> {
  const { proxyPort } = options.plan()
  const serverSockets = await openServerSockets(options)
  if (proxyPort === undefined) return serverSockets
  try {
    return [...serverSockets, ...(await openProxySockets(options, proxyPort))]
  } catch (error) {
    await Promise.all(serverSockets.map(({ port }) => port.close()))
    throw error
  }
}

/** The sockets of a lane. */
export type DhcpLaneSockets = {
  readonly libc: Libc
  readonly sockets: readonly LaneSocket[]
  /** For each socket, how datagrams arrive at it. */
  readonly arrivals: readonly Arrival[]
  /** For each socket, the index of the one that sends the replies. */
  readonly replies: readonly number[]
}

/**
 * Opens the same sockets for a lane.
 *
 * @returns why there is no lane; nothing on a network without lanes
 * @throws {CannotListen} when a socket cannot be opened; sockets opened before are closed again
 */
export async function openDhcpLane(
  options: DhcpSocketOptions,
): Promise<DhcpLaneSockets | NoLibc | undefined> {
  const { plan, sockets } = options
  const { server, proxyPort } = plan()
  const opened: LaneSocket[] = []
  const arrivals: Arrival[] = []
  const replies: number[] = []
  const isAdopted = sockets.isAdopted('dhcp')
  const own = ownOptions(options)
  const open = async (name: string, socketOptions: UdpOptions, arrival: Arrival) => {
    const lane = await sockets.lane?.(name, socketOptions)
    if (lane === undefined || 'reason' in lane) return lane ?? { reason: 'of the network' }
    for (const socket of lane.sockets) {
      arrivals.push(arrival)
      replies.push(opened.push(socket) - 1)
    }
    return lane.libc
  }
  try {
    if (sockets.lane === undefined) return undefined
    if (!isAdopted) await requireFreePort(sockets, own.port)
    const libc = await open('dhcp', { ...own, address: '0.0.0.0' }, isAdopted ? 'unknown' : 'broadcast')
    if ('reason' in libc) return libc
    if (!isAdopted) {
      await open('dhcp', { ...own, address: formatIpv4(server) }, 'unicast')
      replies.fill(opened.length - 1)
    }
    if (proxyPort !== undefined) await open('proxydhcp', proxyOptions(options, proxyPort), 'proxy-port')
    return { libc, sockets: opened, arrivals, replies }
  } catch (error) {
    for (const socket of opened) socket.close()
    throw error
  }
}

function ownOptions({ plan, onLost }: DhcpSocketOptions) {
  return { port: plan().serverPort, reuseAddress: true, broadcast: true, onLost }
}

function proxyOptions({ plan, onLost }: DhcpSocketOptions, port: number): UdpOptions {
  return { address: formatIpv4(plan().server), port, onLost }
}

/** The ProxyDHCP port gets no broadcasts, and its socket sends the replies. */
async function openProxySockets(options: DhcpSocketOptions, port: number): Promise<DhcpSocket[]> {
  const ports = await options.sockets.udp('proxydhcp', proxyOptions(options, port))
  return ports.map((socket) => ({ port: socket, arrival: 'proxy-port', replies: socket }))
}

/**
 * Returns the sockets that systemd passed, one per interface, each of which sends its own replies; or binds a pair.
 * Only a socket on 0.0.0.0 receives broadcasts. Only a socket on the server's address can send them (from 0.0.0.0 the
 * kernel has no route: ENETUNREACH); it also receives the unicasts of renewing clients.
 */
async function openServerSockets(options: DhcpSocketOptions): Promise<DhcpSocket[]> {
  const { plan, sockets } = options
  const { server, serverPort } = plan()
  const own = ownOptions(options)
  const anywhere = { ...own, address: '0.0.0.0' }
  if (sockets.isAdopted('dhcp')) {
    const ports = await sockets.udp('dhcp', anywhere)
    return ports.map((port) => ({ port, arrival: 'unknown', replies: port }))
  }

  await requireFreePort(sockets, serverPort)
  const receivers = await sockets.udp('dhcp', anywhere)
  try {
    const replies = await sockets.bindUdp({ ...own, address: formatIpv4(server) })
    const broadcasts = receivers.map((port): DhcpSocket => ({ port, arrival: 'broadcast', replies }))
    return [...broadcasts, { port: replies, arrival: 'unicast', replies }]
  } catch (error) {
    await Promise.all(receivers.map((port) => port.close()))
    throw error
  }
}

/** The pair needs SO_REUSEADDR, with which Linux would silently share the port with another DHCP server. */
async function requireFreePort(sockets: Sockets, port: number): Promise<void> {
  for (const probe of await sockets.udp('dhcp', { address: '0.0.0.0', port })) await probe.close()
}

/**
 * Returns whether clients without a relay agent that reach this machine can be on a network. Sockets that systemd passed
 * are bound to interfaces, and Node does not know to which: then the networks of all interfaces count. Otherwise replies
 * leave through the interface with the server's address, so only its networks count.
 */
export function createIsAttached({ plan, sockets, clock, interfaces }: DhcpSocketOptions): IsAttached {
  const isAttached = createAttachedNetworks(clock, sockets.isAdopted('dhcp'), interfaces)
  return (network) => isAttached(network, formatIpv4(plan().server))
}

/**
 * Returns the interface through which replies leave, if requests arrive through others, too: without sockets from systemd,
 * Node does not know the interface of a request (docs/decisions/0005).
 */
export function createReplyInterface({
  plan,
  sockets,
  clock,
  interfaces,
}: DhcpSocketOptions): () => OwnInterface | undefined {
  if (sockets.isAdopted('dhcp')) return () => undefined
  const ownInterface = createOwnInterface(clock, interfaces)
  return () => {
    const own = ownInterface(formatIpv4(plan().server))
    return own === undefined || own.others.length === 0 ? undefined : own
  }
}
