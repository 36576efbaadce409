/**
 * DNS in a lane. The lane answers queries from the zones. It gives queries for other names to the main thread, which
 * sends the answers itself. It compiles its prepared answers from the zones, which are quick to send to a thread.
 */
import type { Clock } from '../../host/clock.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { LaneProgram } from '../../host/lane/loop.ts'
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

/** The active plan. Its table of names is empty: the lane compiles it. */
export type PlanMessage = { readonly version: number; readonly plan: DnsPlan }

export type DnsLaneMessage =
  /** All following answers are from this plan. */
  | { readonly kind: 'applied'; readonly version: number }
  | {
      readonly kind: 'forward'
      /** Without the plan, which the main thread has. */
      readonly request: Omit<ForwardRequest, 'plan'> & { readonly plan: undefined }
      readonly address: string
      readonly port: number
      readonly socket: number
    }

export function createDnsProgram(
  { secret, machine }: DnsLaneData,
  { counters, log, add }: Outbox<DnsLaneMessage>,
  clock: Clock,
): LaneProgram {
  const responder = createResponder({ clock, counters, log, machine, cookies: createCookies(secret, clock) })
  let plan: DnsPlan | undefined
  let compiling:
    { readonly message: PlanMessage; readonly steps: ReturnType<typeof compileNames> } | undefined

  return {
    isReady: () => plan !== undefined,

    answer(query, address, port, out, socket) {
      const reply = responder.respond(plan as DnsPlan, query, address, port, 'udp', out)
      if (reply === undefined) return 0
      if (reply instanceof Uint8Array) {
        if (reply.buffer !== out.buffer) out.set(reply)
        return reply.length
      }
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
      const received = message as PlanMessage
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
