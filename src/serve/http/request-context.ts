/** A request with its reply, as the handlers of all routes get it. */
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Observe } from '../../install/observation.ts'
import type { HttpPlan } from '../../plan/http/plan.ts'
import type { Socket } from 'node:net'
import type { TokenRedactor } from './redact.ts'
import { peerAddress } from './server.ts'

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
}

type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>

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
