/** Which sockets DHCP listens on, and by which one a reply to each leaves. */
import { formatIpv4 } from '../../proto/address/ipv4.ts'
import type { Sockets, UdpPort } from '../../host/udp.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Arrival } from './decide.ts'

export type WayOptions = {
  /** Read once for each batch of datagrams, so a new plan takes effect with the next. */
  readonly plan: () => DhcpPlan
  readonly sockets: Sockets
  /** Called when a socket is lost; the process should end. */
  readonly onLost: (error: Error) => void
}

export type Way = {
  readonly port: UdpPort
  /** What the socket says about how its datagrams were sent. */
  readonly arrival: Arrival
  readonly replies: UdpPort
}

/** @throws {CannotListen} when a socket cannot be had; those opened before are closed again */
export async function openWays(options: WayOptions): Promise<Way[]> {
  const { proxyPort } = options.plan()
  const ways = await openServerWays(options)
  if (proxyPort === undefined) return ways
  try {
    return [...ways, ...(await openProxyWays(options, proxyPort))]
  } catch (error) {
    await Promise.all(ways.map(({ port }) => port.close()))
    throw error
  }
}

/** Nobody broadcasts to the ProxyDHCP port, and what is asked there is answered from there. */
async function openProxyWays({ plan, sockets, onLost }: WayOptions, port: number): Promise<Way[]> {
  const own = { address: formatIpv4(plan().server), port, onLost }
  const ports = await sockets.udp('proxydhcp', own)
  return ports.map((socket) => ({ port: socket, arrival: 'proxy-port', replies: socket }))
}

/**
 * The sockets that systemd passed, one per interface, each answering for itself; or else a pair of our own: one
 * on 0.0.0.0, which alone hears broadcasts, and one on the server's address, which alone can send them (from
 * 0.0.0.0 the kernel finds no route: ENETUNREACH) and to which the unicasts of renewing clients go.
 */
async function openServerWays({ plan, sockets, onLost }: WayOptions): Promise<Way[]> {
  const { server, serverPort } = plan()
  const own = { port: serverPort, reuseAddress: true, broadcast: true, onLost }
  const anywhere = { ...own, address: '0.0.0.0' }
  if (sockets.isAdopted('dhcp')) {
    const ports = await sockets.udp('dhcp', anywhere)
    return ports.map((port) => ({ port, arrival: 'unknown', replies: port }))
  }

  await requireFreePort(sockets, serverPort)
  const heard = await sockets.udp('dhcp', anywhere)
  try {
    const replies = await sockets.bindUdp({ ...own, address: formatIpv4(server) })
    const broadcasts = heard.map((port): Way => ({ port, arrival: 'broadcast', replies }))
    return [...broadcasts, { port: replies, arrival: 'unicast', replies }]
  } catch (error) {
    await Promise.all(heard.map((port) => port.close()))
    throw error
  }
}

/** With SO_REUSEADDR, which the pair needs, Linux would let us share the port with another DHCP server unnoticed. */
async function requireFreePort(sockets: Sockets, port: number): Promise<void> {
  for (const probe of await sockets.udp('dhcp', { address: '0.0.0.0', port })) await probe.close()
}
