/**
 * DHCPv6 in a lane, as DHCP: the lane compiles its plan from the model and sends the replies. The main thread joins the
 * multicast groups, counts, logs, and observes what the lane did.
 */
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import type { LaneProgram, Peer } from '../../host/lane/loop.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { AppliedMessage, PlanMessage } from '../../host/lane/planned.ts'
import { createReplyMemory } from '../../host/lane/reply-memory.ts'
import { compileDhcpv6 } from '../../plan/dhcpv6/compile.ts'
import type { Dhcpv6Plan } from '../../plan/dhcpv6/plan.ts'
import type { Model } from '../../plan/model.ts'
import { transactionIdOf, transactionOffset } from '../../proto/dhcpv6/message.ts'
import { createRepeats } from '../../install/repeats.ts'
import {
  createHandler,
  isRepeatable,
  isRepeated,
  replyOf,
  withTransaction,
  type Done,
  type Handled,
  type Repeatable,
  type Reply,
} from './handle.ts'
import { createNetworksOn } from './links.ts'
import { transactionText, type Dhcpv6Context } from './respond.ts'

/** Answers that wait to be recorded, as many as those of DHCP. */
export const maxUnreadOfDhcpv6 = 20_000

/** A reply; `id` is its transaction if `about` is that of the message that it repeats. */
type Sent = { about: Dhcpv6Context; id: number | undefined }

/** @param interfaces returns the addresses of this machine's interfaces; by default those of the system */
export function createDhcpv6Program(
  { counters, add, isFull }: Outbox<Done | AppliedMessage>,
  clock: Pick<Clock, 'monotonic'>,
  interfaces?: () => InterfaceAddresses,
): LaneProgram {
  let plan: Dhcpv6Plan | undefined
  /** The last replies, by slot: the same objects in each round, because a flood has thousands of messages per second. */
  const replies: Sent[] = []
  // Datagrams wait until there is a plan.
  const active = () => plan as Dhcpv6Plan
  const { handle, hasBudget } = createHandler(active, createNetworksOn(active, clock, interfaces), clock)
  const memory = createReplyMemory<Repeatable>(clock, [transactionOffset, transactionOffset + 3])
  const repeats = createRepeats(clock, isRepeated, report, isFull)

  function report(handled: Handled, repeated?: number): void {
    add({ kind: 'handled', handled, ...(repeated !== undefined && { repeated }) })
  }

  /** Reports a message, or counts it. @returns whether it is a repetition */
  function gather(handled: Handled): handled is Repeatable {
    if (isRepeatable(handled)) {
      const { seen } = handled.result
      if (repeats.count(seen, handled)) return true
      repeats.begin(seen, handled)
      return false
    }
    const node = handled.kind === 'result' ? handled.result.about.node : undefined
    if (node !== undefined) repeats.end(node)
    report(handled)
    return false
  }

  /** Answers a message whose reply was kept. */
  function answerAgain(known: Repeatable, payload: Uint8Array, peer: Peer): number {
    const { result } = known
    if (!hasBudget(result.about.node)) {
      gather({ ...withTransaction(known, payload), isOverBudget: true })
      return 0
    }
    if (!repeats.count(result.seen, known)) repeats.begin(result.seen, withTransaction(known, payload))
    return send(result, peer, transactionIdOf(payload))
  }

  /**
   * Decides where a reply goes.
   *
   * @param id the transaction, if `about` is that of another message
   * @returns its length
   */
  function send({ port, about, octets }: Reply, peer: Peer, id?: number): number {
    if (port !== peer.port) peer.to = { address: peer.address, port }
    const sent = (replies[peer.slot] ??= { about, id })
    sent.about = about
    sent.id = id
    return octets
  }

  return {
    // Messages wait in the sockets while the main thread is behind: each one is recorded.
    isReady: () => plan !== undefined && !isFull(),

    answer(payload, out, peer) {
      const known = memory.find(payload, peer, out)
      if (known !== undefined) return answerAgain(known, payload, peer)
      const handled = handle({ payload, address: peer.address, port: peer.port }, out)
      const isRepetition = gather(handled)
      const reply = replyOf(handled)
      if (reply === undefined) return 0
      // The transaction of a relayed message is in the message of the client.
      if (isRepetition && reply.about.relay === undefined)
        memory.keep(payload, peer, out.subarray(0, reply.octets), handled)
      return send(reply, peer)
    },

    unsent(slot, error) {
      const sent = replies[slot]
      if (sent === undefined) return
      const { id } = sent
      const about = id === undefined ? sent.about : { ...sent.about, transaction: transactionText(id) }
      add({ kind: 'unsent', about, error })
    },

    tooLong: () => counters.increment('dhcpv6.malformed'),

    receive(message) {
      // They are about the nodes of the plan before.
      repeats.reportDue(true)
      memory.clear()
      const { version, plan: model } = message as PlanMessage<Model>
      // A reload that removes the networks is rejected, so there are always some.
      plan = compileDhcpv6(model) ?? plan
      add({ kind: 'applied', version })
    },

    reportDue: (isEnd) => repeats.reportDue(isEnd),

    step: () => false,
  }
}
