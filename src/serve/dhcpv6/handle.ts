/**
 * Handles one datagram: writes the reply, and returns what the main thread counts, logs, and observes. Runs in the lane, or
 * in the main thread where there is none. Results have no views of the datagram.
 */
import type { Clock } from '../../host/clock.ts'
import { RecentMap } from '../../host/recent-map.ts'
import type { Datagram } from '../../host/udp.ts'
import { isSameDhcp, type DhcpSeen } from '../../install/observation.ts'
import type { Dhcpv6Plan } from '../../plan/dhcpv6/plan.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { transactionIdOf } from '../../proto/dhcpv6/message.ts'
import { endpointText } from '../../text/endpoint.ts'
import { createReadSender } from './request.ts'
import {
  respond,
  transactionText,
  type Dhcpv6Context,
  type Dhcpv6Result,
  type NetworksOn,
} from './respond.ts'

export type Handled =
  | {
      readonly kind: 'result'
      readonly result: Dhcpv6Result
      /** Whether the machine has had too many replies, so that this one is not sent. */
      readonly isOverBudget: boolean
    }
  | { readonly kind: 'malformed'; readonly client: string; readonly reason: string }
  /** A defect of slipway. */
  | {
      readonly kind: 'failed'
      /** `[address]:port` */
      readonly client: string
      /** In hexadecimal. */
      readonly packet: string
      readonly error: unknown
    }

export type Reply = { readonly octets: number; readonly port: number; readonly about: Dhcpv6Context }

/** What was done with a datagram, or why its reply was not sent. */
export type Done =
  | {
      readonly kind: 'handled'
      readonly handled: Handled
      /** How often it was repeated, if it was reported before and only repeated since. */
      readonly repeated?: number
    }
  | { readonly kind: 'unsent'; readonly about: Dhcpv6Context; readonly error: Error }

/** Replies to one machine at once, and in each second: clients send at most a few messages per second. */
const repliesPerSecond = 128
const maxBudgets = 8192

export type Handler = {
  readonly handle: (datagram: Datagram, out: Uint8Array) => Handled
  /** Returns whether a machine may get another reply. */
  readonly hasBudget: (node: string | undefined) => boolean
}

/** @param networksOn returns the declared networks of an interface */
export function createHandler(
  plan: () => Dhcpv6Plan,
  networksOn: NetworksOn,
  clock: Pick<Clock, 'monotonic'>,
): Handler {
  const readSender = createReadSender()
  const hasBudget = createBudgets(clock)
  return {
    handle(datagram, out) {
      try {
        const { payload, port } = datagram
        const received = { payload, sender: readSender(datagram.address), port }
        const result = respond(received, plan(), networksOn, out)
        return { kind: 'result', result, isOverBudget: 'octets' in result && !hasBudget(result.about.node) }
      } catch (error) {
        const client = endpointText(datagram)
        if (error instanceof MalformedPacket) return { kind: 'malformed', client, reason: error.message }
        const packet = Buffer.from(datagram.payload).toString('hex')
        return { kind: 'failed', client, packet, error }
      }
    },
    hasBudget,
  }
}

/** A flood in the name of one machine must not fill the send buffer, which all replies share. */
function createBudgets(clock: Pick<Clock, 'monotonic'>): (node: string | undefined) => boolean {
  const budgets = new RecentMap<string, { left: number; at: number }>(maxBudgets)
  return (node = '') => {
    const now = clock.monotonic()
    const { left, at } = budgets.get(node) ?? { left: repliesPerSecond, at: now }
    const refilled = Math.min(repliesPerSecond, left + ((now - at) * repliesPerSecond) / 1000)
    budgets.set(node, { left: Math.max(0, refilled - 1), at: now })
    return refilled >= 1
  }
}

/** Returns the reply to send, if there is one. */
export function replyOf(handled: Handled): Reply | undefined {
  if (handled.kind !== 'result' || handled.isOverBudget) return undefined
  return 'octets' in handled.result ? handled.result : undefined
}

/** A reply to an operating system. */
export type Repeatable = Extract<Handled, { kind: 'result' }> & {
  readonly result: Extract<Dhcpv6Result, { readonly octets: number }> & { readonly seen: DhcpSeen }
}

/** Returns whether the client is an operating system: no decision about a boot depends on a repetition of its message. */
export function isRepeatable(handled: Handled): handled is Repeatable {
  if (handled.kind !== 'result' || !('octets' in handled.result)) return false
  const { seen } = handled.result
  return seen?.kind === 'dhcp' && seen.asker === 'system'
}

/** Returns the result for a message that differs from an earlier one in nothing but the transaction. */
export function withTransaction({ result, ...rest }: Repeatable, message: Uint8Array): Repeatable {
  const transaction = transactionText(transactionIdOf(message))
  return { ...rest, result: { ...result, about: { ...result.about, transaction } } }
}

/** Returns whether two replies to one machine differ in nothing but the transaction. */
export function isRepeated(one: Repeatable, other: Repeatable): boolean {
  const [{ about, kind }, { about: before, kind: kindBefore }] = [other.result, one.result]
  return (
    kind === kindBefore &&
    one.isOverBudget === other.isOverBudget &&
    about.mac === before.mac &&
    about.duid === before.duid &&
    about.relay === before.relay &&
    about.address === before.address &&
    about.bootFile === before.bootFile &&
    about.code === before.code &&
    about.reason === before.reason &&
    one.result.seen.isUnprivileged === other.result.seen.isUnprivileged &&
    isSameDhcp(one.result.seen, other.result.seen)
  )
}
