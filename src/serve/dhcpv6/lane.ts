/**
 * DHCPv6 in a lane, as DHCP: the lane compiles its plan from the model and sends the replies. The main thread joins the
 * multicast groups, counts, logs, and observes what the lane did.
 */
import type { InterfaceAddresses } from '../../host/attached-networks.ts'
import type { Clock } from '../../host/clock.ts'
import type { LaneProgram } from '../../host/lane/loop.ts'
import type { Outbox } from '../../host/lane/outbox.ts'
import type { AppliedMessage, PlanMessage } from '../../host/lane/planned.ts'
import { compileDhcpv6 } from '../../plan/dhcpv6/compile.ts'
import type { Dhcpv6Plan } from '../../plan/dhcpv6/plan.ts'
import type { Model } from '../../plan/model.ts'
import { createHandler, replyOf, type Done, type Reply } from './handle.ts'
import { createNetworksOn } from './links.ts'

/** Answers that wait to be recorded, as many as those of DHCP. */
export const maxUnreadOfDhcpv6 = 20_000

/** @param interfaces returns the addresses of this machine's interfaces; by default those of the system */
export function createDhcpv6Program(
  { counters, add, isFull }: Outbox<Done | AppliedMessage>,
  clock: Pick<Clock, 'monotonic'>,
  interfaces?: () => InterfaceAddresses,
): LaneProgram {
  let plan: Dhcpv6Plan | undefined
  /** The replies of this round, by slot. */
  const replies = new Map<number, Reply>()
  // Datagrams wait until there is a plan.
  const active = () => plan as Dhcpv6Plan
  const handle = createHandler(active, createNetworksOn(active, clock, interfaces), clock)

  return {
    // Messages wait in the sockets while the main thread is behind: each one is recorded.
    isReady: () => plan !== undefined && !isFull(),

    answer(payload, out, peer) {
      const { address, port, slot } = peer
      const handled = handle({ payload, address, port }, out)
      add({ kind: 'handled', handled })
      const reply = replyOf(handled)
      if (reply === undefined) return 0
      if (reply.port !== port) peer.to = { address, port: reply.port }
      replies.set(slot, reply)
      return reply.octets
    },

    unsent(slot, error) {
      const reply = replies.get(slot)
      if (reply !== undefined) add({ kind: 'unsent', about: reply.about, error })
    },

    tooLong: () => counters.increment('dhcpv6.malformed'),

    receive(message) {
      const { version, plan: model } = message as PlanMessage<Model>
      // A reload that removes the networks is rejected, so there are always some.
      plan = compileDhcpv6(model) ?? plan
      add({ kind: 'applied', version })
    },

    step: () => false,
  }
}
