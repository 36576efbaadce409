/**
 * DHCP in a lane. The lane compiles its plan from the model and sends the replies. The main thread counts, logs, and
 * observes what the lane did.
 */
import { createAttachedNetworks } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import type { LaneProgram, Peer } from '../../host/lane/loop.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { AppliedMessage, PlanMessage } from '../../host/lane/planned.ts'
import { createRepeats } from '../../install/repeats.ts'
import { createReplyMemory } from '../../host/lane/reply-memory.ts'
import { createInventoryBindings, type LiveBinding } from '../../inventory/bindings.ts'
import { dhcpSteps } from '../../plan/dhcp/compile.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Model } from '../../plan/model.ts'
import { formatIpv4, type Cidr } from '../../proto/address/ip.ts'
import { xidOf, xidOffset } from '../../proto/dhcp/message.ts'
import type { Arrival } from './decide.ts'
import {
  handleDatagram,
  isRepeatable,
  isRepeated,
  nodeOf,
  portable,
  replyOf,
  type Handled,
  type Recorded,
  type Repeatable,
  withTransaction,
} from './handle.ts'
import type { Replied, RequestContext } from './respond.ts'
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
  | {
      readonly kind: 'handled'
      readonly handled: Recorded | string
      /** How often it was repeated, if it was reported before and only repeated since. */
      readonly repeated?: number
    }
  | {
      readonly kind: 'unsent'
      readonly about: RequestContext
      /** `address:port` of the destination. */
      readonly client: string
      readonly error: Error
    }

/** A reply, with the transaction and the destination of this one: `about` can be that of the message that it repeats. */
type Sent = { about: RequestContext; xid: number; address: string; port: number }

export function createDhcpProgram(
  { arrivals, isEveryInterface }: DhcpLaneData,
  { counters, add, isFull }: Outbox<DhcpLaneMessage | AppliedMessage>,
  clock: Clock,
): LaneProgram {
  let plan: DhcpPlan | undefined
  let withheld: readonly Withheld[] = []
  let compiling: ReturnType<typeof dhcpSteps> | undefined
  let version = 0
  /** The last replies, by slot: the same objects in each round, because a flood has thousands of messages per second. */
  const replies: Sent[] = []
  const attached = createAttachedNetworks(clock, isEveryInterface)
  const bindings = createInventoryBindings(clock)
  const memory = createReplyMemory<Repeatable>(clock, [xidOffset, xidOffset + 4])
  const repeats = createRepeats(clock, isRepeated, report, isFull)

  function report(handled: Handled, repeated?: number): void {
    add({ kind: 'handled', handled: portable(handled), ...(repeated !== undefined && { repeated }) })
  }

  /** Reports a message, or counts it. @returns whether it is a repetition */
  function gather(handled: Handled): handled is Repeatable {
    if (isRepeatable(handled)) {
      if (repeats.count(handled.seen, handled)) return true
      repeats.begin(handled.seen, handled)
      return false
    }
    const node = nodeOf(handled)
    if (node !== undefined) repeats.end(node)
    report(handled)
    return false
  }

  /** Decides where a reply goes. @returns its length */
  function send({ to, about, octets }: Replied, message: Uint8Array, peer: Peer): number {
    if (to !== 'sender') peer.to = to
    const { address, port } = peer.to ?? peer
    const sent = (replies[peer.slot] ??= { about, xid: 0, address, port })
    sent.about = about
    sent.xid = xidOf(message)
    sent.address = address
    sent.port = port
    return octets
  }

  function handle(payload: Uint8Array, out: Uint8Array, { address, port, socket }: Peer): Handled {
    const current = plan as DhcpPlan
    const server = formatIpv4(current.server)
    const isAttached = (network: Cidr) => attached(network, server)
    const arrival = arrivals[socket] as Arrival
    return handleDatagram({ payload, address, port }, arrival, current, out, isAttached, withheld, bindings)
  }

  /** They are about the nodes of the plan before. */
  function endRepeats(): void {
    repeats.reportDue(true)
    memory.clear()
  }

  return {
    // Requests wait in the sockets while the main thread is behind: each one is recorded.
    isReady: () => plan !== undefined && !isFull(),

    answer(payload, out, peer) {
      const known = memory.find(payload, peer, out)
      if (known !== undefined && repeats.count(known.seen, known)) {
        return send(known.result, payload, peer)
      }
      const handled = known === undefined ? handle(payload, out, peer) : withTransaction(known, payload)
      const isRepetition = gather(handled)
      const reply = replyOf(handled)
      if (reply === undefined) return 0
      // The next ones are counted without an object for each.
      if (isRepetition) memory.keep(payload, peer, out.subarray(0, reply.octets), handled)
      return send(reply, payload, peer)
    },

    unsent(slot, error) {
      const sent = replies[slot]
      if (sent === undefined) return
      const { about, xid, address, port } = sent
      add({ kind: 'unsent', about: { ...about, xid }, client: `${address}:${port}`, error })
    },

    tooLong: () => counters.increment('dhcp.malformed'),

    receive(message) {
      const received = message as PlanMessage<DhcpLanePlan> | BindingsMessage
      if ('bindings' in received) {
        bindings.restore(received.bindings)
        return
      }
      endRepeats()
      const { model, bindings: before = [] } = received.plan
      bindings.restore(before)
      version = received.version
      withheld = received.plan.withheld
      if (model !== undefined) compiling = dhcpSteps(model)
      else if (compiling === undefined) add({ kind: 'applied', version })
    },

    reportDue: (isEnd) => repeats.reportDue(isEnd),

    // Requests are answered from the plan before, until all steps are done.
    step() {
      if (compiling === undefined) return false
      const { done, value } = compiling.next()
      if (done !== true) return true
      endRepeats()
      plan = value.plan
      compiling = undefined
      add({ kind: 'applied', version })
      return false
    },
  }
}
