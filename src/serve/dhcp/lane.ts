/**
 * DHCP in a lane. The lane compiles its plan from the model and sends the replies. The main thread counts, logs, and
 * observes what the lane did.
 */
import { createAttachedNetworks } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import type { LaneProgram } from '../../host/lane/loop.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { AppliedMessage, PlanMessage } from '../../host/lane/planned.ts'
import { createInventoryBindings, type LiveBinding } from '../../inventory/bindings.ts'
import { dhcpSteps } from '../../plan/dhcp/compile.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Model } from '../../plan/model.ts'
import { formatIpv4, type Cidr } from '../../proto/address/ip.ts'
import type { Arrival } from './decide.ts'
import { handleDatagram, portable, replyOf, type Recorded } from './handle.ts'
import type { RequestContext } from './respond.ts'
import type { Withheld } from './withhold.ts'

/** What the lane answers from. */
export type DhcpLanePlan = {
  /** Absent if it is the same as before: compiling it takes long. */
  readonly model?: Model
  readonly withheld: readonly Withheld[]
  /** The addresses of undeclared machines, for a new thread. */
  readonly bindings?: readonly LiveBinding[]
}

/** The addresses that the main thread gave to undeclared machines while the thread started. */
export type BindingsMessage = { readonly bindings: readonly LiveBinding[] }

/** What each thread gets when it starts. */
export type DhcpLaneData = {
  /** How datagrams arrive, for each socket. */
  readonly arrivals: readonly Arrival[]
  /** Whether the networks of all interfaces are attached, see `createIsAttached`. */
  readonly isEveryInterface: boolean
}

/** Answers that wait to be recorded: those of a second at the highest rate, because a write to a busy disk can last as long. */
export const maxUnreadOfDhcp = 20_000

export type DhcpLaneMessage =
  | { readonly kind: 'handled'; readonly handled: Recorded | string }
  | {
      readonly kind: 'unsent'
      readonly about: RequestContext
      /** `address:port` of the destination. */
      readonly client: string
      readonly error: Error
    }

export function createDhcpProgram(
  { arrivals, isEveryInterface }: DhcpLaneData,
  { counters, add, isFull }: Outbox<DhcpLaneMessage | AppliedMessage>,
  clock: Clock,
): LaneProgram {
  let plan: DhcpPlan | undefined
  let withheld: readonly Withheld[] = []
  let compiling: ReturnType<typeof dhcpSteps> | undefined
  let version = 0
  /** The replies of this round, by slot. */
  const replies = new Map<number, { readonly about: RequestContext; readonly client: string }>()
  const attached = createAttachedNetworks(clock, isEveryInterface)
  const bindings = createInventoryBindings(clock)

  return {
    // Requests wait in the sockets while the main thread is behind: each one is recorded.
    isReady: () => plan !== undefined && !isFull(),

    answer(payload, out, peer) {
      const current = plan as DhcpPlan
      const server = formatIpv4(current.server)
      const arrival = arrivals[peer.socket] as Arrival
      const datagram = { payload, address: peer.address, port: peer.port }
      const isAttached = (network: Cidr) => attached(network, server)
      const handled = handleDatagram(datagram, arrival, current, out, isAttached, withheld, bindings)
      add({ kind: 'handled', handled: portable(handled) })
      const reply = replyOf(handled)
      if (reply === undefined) return 0
      if (reply.to !== 'sender') peer.to = reply.to
      const { address, port } = peer.to ?? peer
      replies.set(peer.slot, { about: reply.about, client: `${address}:${port}` })
      return reply.octets
    },

    unsent(slot, error) {
      const reply = replies.get(slot)
      if (reply !== undefined) add({ kind: 'unsent', ...reply, error })
    },

    tooLong: () => counters.increment('dhcp.malformed'),

    receive(message) {
      const received = message as PlanMessage<DhcpLanePlan> | BindingsMessage
      if ('bindings' in received) {
        bindings.restore(received.bindings)
        return
      }
      const { model, bindings: before = [] } = received.plan
      bindings.restore(before)
      version = received.version
      withheld = received.plan.withheld
      if (model !== undefined) compiling = dhcpSteps(model)
      else if (compiling === undefined) add({ kind: 'applied', version })
    },

    // Requests are answered from the plan before, until all steps are done.
    step() {
      if (compiling === undefined) return false
      const { done, value } = compiling.next()
      if (done !== true) return true
      plan = value.plan
      compiling = undefined
      add({ kind: 'applied', version })
      return false
    },
  }
}
