/** A request with its answer to be, as the handlers of all routes see it. */
import type { FastifyReply } from 'fastify'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Observe } from '../../install/observation.ts'
import type { HttpPlan } from '../../plan/http.ts'

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
