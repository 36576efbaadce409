/**
 * A request with its reply, as the handlers of all routes get it, and the check that the client is the node that it claims to be.
 */
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { ReadNeighbor } from '../../host/neighbors.ts'
import type { Observe } from '../../install/observation.ts'
import type { BootEntry, HttpPlan } from '../../plan/http/plan.ts'
import { isInNetworks } from '../../proto/address/network6.ts'
import { macsText } from '../../plan/model.ts'
import type { HttpCode } from './codes.ts'
import type { TokenRedactor } from './token-redactor.ts'

export type Tools = {
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  readonly observe: Observe
  readonly tokens: Pick<TokenRedactor, 'learn'>
}

export type Exchange = {
  readonly reply: FastifyReply
  /** The plan at the time of the request: the response uses it to the end. */
  readonly plan: HttpPlan
  /** `address:port` of the peer. */
  readonly client: string
  /** Its address alone. */
  readonly address: string
  /** The node whose address the peer has. */
  readonly node: string | undefined
  /** Whether the client runs on this machine. */
  readonly isLocal: boolean
  /** A HEAD request gets the header only, so it is not a delivery to a node. */
  readonly isHead: boolean
  /** Whether the connection is encrypted. */
  readonly isSecure: boolean
}

export function exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
  const plan = request.getDecorator<HttpPlan>('plan')
  const isSecure = request.protocol === 'https'
  return { reply, plan, ...clientOf(request.socket, plan), isHead: request.method === 'HEAD', isSecure }
}

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

/** Returns the address of a peer. An IPv6 socket shows IPv4 peers as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2). */
export function peerAddress({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress.replace(/^::ffff:(?=[\d.]+$)/i, '')
}

/** Returns the peer of a connection. */
export function clientOf(
  socket: Peer,
  plan: Pick<HttpPlan, 'nodeByAddress' | 'address' | 'address6'>,
): Pick<Exchange, 'node' | 'client' | 'address' | 'isLocal'> {
  const address = peerAddress(socket)
  const host = address.includes(':') ? `[${address}]` : address
  return {
    node: plan.nodeByAddress.get(address),
    client: `${host}:${socket.remotePort ?? 0}`,
    address,
    isLocal: isLocal(address, plan),
  }
}

/** Whether an address belongs to this machine, as far as the plan knows. */
export function isLocal(address: string, plan: Pick<HttpPlan, 'address' | 'address6'>): boolean {
  return (
    address.startsWith('127.') || address === '::1' || address === plan.address || address === plan.address6
  )
}

/** Whether a client may read the names of nodes in the metrics. */
export function isMonitor({
  isLocal,
  address,
  plan,
}: Pick<Exchange, 'isLocal' | 'address' | 'plan'>): boolean {
  return isLocal || isInNetworks(plan.monitors ?? [], address)
}

// The client must have the address of the node, and on a directly attached network also its MAC address. An address
// alone is not proof, because any machine on the network can add it to an interface.

export type Mismatch = {
  readonly code: HttpCode
  /** The text for the console of the machine. */
  readonly sentence: string
  /** The text for the log. */
  readonly reason: string
}

/** @returns nothing for the node itself, for this machine, and for open clusters */
export function checkAddress({ node, isLocal, address }: Exchange, entry: BootEntry): Mismatch | undefined {
  if (entry.isOpen || node === entry.key || isLocal) return undefined
  return {
    code: 'boot.not-the-node',
    sentence: `refused: this machine has the address ${address}, which is not that of the node`,
    reason: `${address} is not an address of ${entry.key}`,
  }
}

/**
 * {@link checkNeighbor} for the live system. Its address can be on a bond, whose MAC address is that of any of its
 * interfaces; then only the address and the token of the installation count.
 */
export async function checkLiveNeighbor(
  exchange: Exchange,
  entry: BootEntry,
  readNeighbor: ReadNeighbor,
): Promise<Mismatch | undefined> {
  return entry.usesVirtualInterface ? undefined : checkNeighbor(exchange, entry, readNeighbor)
}

/**
 * Compares the neighbor entry of the client with the declared MAC address. Behind a router, over IPv6, and without a
 * complete entry nothing is known, so nothing is refused here.
 */
export async function checkNeighbor(
  { node, address }: Exchange,
  entry: BootEntry,
  readNeighbor: ReadNeighbor,
): Promise<Mismatch | undefined> {
  if (entry.isOpen || node !== entry.key) return undefined
  const mac = await readNeighbor(address)
  if (mac === undefined || mac === entry.mac || entry.otherMacs?.some((other) => other === mac) === true)
    return undefined
  return {
    code: 'boot.wrong-mac',
    sentence: `refused: this machine has the MAC address ${mac}, which is not the declared one: boot from the declared interface, or correct mac in the site file`,
    reason: `${address} has the MAC address ${mac}, but ${entry.key} is declared with ${macsText(entry)}: boot from the declared interface, correct mac in the site file, or give a bond the declared MAC address`,
  }
}
