/**
 * DNS in a lane. The lane answers queries from the zones. It gives queries for other names to the main thread, which
 * sends the answers itself. It compiles its prepared answers from the zones, which are quick to send to a thread.
 */
import type { Clock } from '../../host/clock.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { LaneProgram } from '../../host/lane/loop.ts'
import type { AppliedMessage, PlanMessage } from '../../host/lane/planned.ts'
import type { DnsPlan } from '../../plan/dns/plan.ts'
import { compileNames } from '../../plan/dns/responses.ts'
import type { DnsCode } from './codes.ts'
import { createCookies } from './cookies.ts'
import type { ForwardRequest } from './query.ts'
import { createResponder } from './respond.ts'

/** What each thread gets when it starts. */
export type DnsLaneData = {
  /** Secret of the cookies: clients use one cookie for UDP and TCP. */
  readonly secret: Uint8Array
  /** The NSID option. */
  readonly machine: Uint8Array
}

/** A query for the resolvers. */
export type ForwardMessage = {
  readonly kind: 'forward'
  /** Without the plan, which the main thread has. */
  readonly request: Omit<ForwardRequest, 'plan'> & { readonly plan: undefined }
  readonly address: string
  readonly port: number
  readonly socket: number
}

/** Queries for other names that wait for the main thread: as many clients can have given up by then. */
export const maxUnreadOfDns = 2000

export type DnsLaneMessage = AppliedMessage | ForwardMessage

export function createDnsProgram(
  { secret, machine }: DnsLaneData,
  { counters, log, add }: Outbox<DnsLaneMessage>,
  clock: Clock,
): LaneProgram {
  const responder = createResponder({ clock, counters, log, machine, cookies: createCookies(secret, clock) })
  let plan: DnsPlan | undefined
  let compiling:
    { readonly message: PlanMessage<DnsPlan>; readonly steps: ReturnType<typeof compileNames> } | undefined

  return {
    isReady: () => plan !== undefined,

    answer(query, out, { address, port, socket }) {
      const reply = responder.respond(plan as DnsPlan, query, address, port, 'udp', out)
      if (typeof reply === 'number') return reply
      // A zone is transferred over TCP only.
      if (reply.kind === 'transfer') return 0
      const request = { ...reply.request, plan: undefined }
      if (!add({ kind: 'forward', request, address, port, socket })) {
        counters.increment('dns.forwardOverflow')
        counters.refuse('dns.forward-limit' satisfies DnsCode)
      }
      return 0
    },

    tooLong() {
      counters.increment('dns.queries')
      counters.increment('dns.malformed')
    },

    receive(message) {
      const received = message as PlanMessage<DnsPlan>
      compiling = { message: received, steps: compileNames(received.plan.zones) }
    },

    step() {
      if (compiling === undefined) return false
      const { message, steps } = compiling
      const { done, value } = steps.next()
      if (done !== true) return true
      plan = { ...message.plan, names: value }
      compiling = undefined
      add({ kind: 'applied', version: message.version })
      return false
    },
  }
}
