/** A request with its answer to be, as the handlers of all routes see it. */
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Observe } from '../../install/observation.ts'
import type { HttpPlan } from '../../plan/http.ts'
import type { Socket } from 'node:net'

export type Tools = {
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  readonly observe: Observe
}

export type Exchange = {
  readonly reply: FastifyReply
  /** The plan when the request arrived: the answer ends under it. */
  readonly plan: HttpPlan
  /** `address:port` of the peer. */
  readonly client: string
  /** Its address alone. */
  readonly address: string
  /** The node whose address the peer has. */
  readonly node: string | undefined
  /** HEAD asks for the header alone: served, but nothing was given to a node. */
  readonly isHead: boolean
}

/** Who asks: the peer of a connection, as logs and the plan name it. */

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

/**
 * `node` is undefined where the address is none that the site declares; `client` is `address:port`, `address` in the
 * text of `formatIp`.
 */
export function clientOf(
  { remoteAddress = '', remotePort = 0 }: Peer,
  plan: Pick<HttpPlan, 'nodeByAddress'>,
): { node: string | undefined; client: string; address: string } {
  // A socket that listens on both families shows IPv4 peers as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2).
  const address = remoteAddress.replace(/^::ffff:(?=[\d.]+$)/i, '')
  const host = address.includes(':') ? `[${address}]` : address
  return { node: plan.nodeByAddress.get(address), client: `${host}:${remotePort}`, address }
}
