/** A request with its reply, as the handlers of all routes get it. */
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Observe } from '../../install/observation.ts'
import type { HttpPlan } from '../../plan/http/plan.ts'
import type { Socket } from 'node:net'

export type Tools = {
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  readonly observe: Observe
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
  /** A HEAD request gets the header only, so it is not a delivery to a node. */
  readonly isHead: boolean
}

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

/** Returns the peer of a connection: its node, if the address is declared, `address:port`, and the address. */
export function clientOf(
  { remoteAddress = '', remotePort = 0 }: Peer,
  plan: Pick<HttpPlan, 'nodeByAddress'>,
): { node: string | undefined; client: string; address: string } {
  // A socket that listens on both families shows IPv4 peers as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2).
  const address = remoteAddress.replace(/^::ffff:(?=[\d.]+$)/i, '')
  const host = address.includes(':') ? `[${address}]` : address
  return { node: plan.nodeByAddress.get(address), client: `${host}:${remotePort}`, address }
}
