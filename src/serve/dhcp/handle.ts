/**
 * Handles one datagram as far as it depends only on the plan: the reply, and what the main thread counts, logs, and
 * observes. Runs in the lane, or in the main thread where there is none. Results have no views of the datagram.
 */
import { macFromOctets, type Mac } from '../../proto/address/mac.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { chaddrOffset, xidOf } from '../../proto/dhcp/message.ts'
import type { Datagram } from '../../host/udp.ts'
import { isSameDhcp, type DhcpSeen, type Seen } from '../../install/observation.ts'
import type { InventoryBindings } from '../../inventory/bindings.ts'
import type { DhcpPlan } from '../../plan/dhcp/plan.ts'
import type { Arrival } from './decide.ts'
import { observationOf } from './observe.ts'
import { withhold, type Withheld } from './withhold.ts'
import type { IsAttached } from './request.ts'
import { respond, type DhcpResult, type Replied } from './respond.ts'

/** What becomes of a datagram. */
export type Handled = HandledResult<DhcpResult> | Unhandled

/** What the main thread counts, logs, and observes. */
export type Recorded = HandledResult<Exclude<DhcpResult, Replied> | RecordedReply> | Unhandled

type RecordedReply = Pick<Replied, 'kind' | 'octets' | 'to' | 'about' | 'inventory'>

type HandledResult<Result> = {
  readonly kind: 'result'
  /** `address:port` */
  readonly client: string
  readonly result: Result
  readonly seen: Seen | undefined
}

type Unhandled =
  | {
      readonly kind: 'malformed'
      readonly client: string
      readonly declared: { readonly mac: Mac; readonly node: string } | undefined
      readonly reason: string
      readonly octets: number
    }
  /** A defect of slipway. */
  | {
      readonly kind: 'failed'
      readonly client: string
      /** In hexadecimal. */
      readonly packet?: string
      readonly error: unknown
    }

/**
 * @param out has `maxReplyOctets`
 * @param withheld the networks on which no address is offered
 * @param bindings of undeclared machines
 */
export function handleDatagram(
  datagram: Datagram,
  arrival: Arrival,
  plan: DhcpPlan,
  out: Uint8Array,
  isAttached: IsAttached,
  withheld: readonly Withheld[] = [],
  bindings?: InventoryBindings,
): Handled {
  const { payload, address, port } = datagram
  const client = `${address}:${port}`
  try {
    const result = withhold(respond(datagram, arrival, plan, out, isAttached, bindings), plan, withheld)
    return { kind: 'result', client, result, seen: observationOf(result, datagram, plan) }
  } catch (error) {
    if (!(error instanceof MalformedPacket)) {
      return { kind: 'failed', client, packet: Buffer.from(payload).toString('hex'), error }
    }
    const declared = declaredSender(payload, plan)
    return { kind: 'malformed', client, declared, reason: error.message, octets: payload.length }
  }
}

/** Returns the reply to send, if there is one. */
export function replyOf(handled: Handled): Replied | undefined {
  return handled.kind === 'result' && 'octets' in handled.result ? handled.result : undefined
}

/** A reply to an operating system. */
export type Repeatable = HandledResult<Replied> & { readonly seen: DhcpSeen }

/** Returns whether the client is an operating system: no decision about a boot depends on a repetition of its message. */
export function isRepeatable(handled: Handled): handled is Repeatable {
  if (replyOf(handled) === undefined) return false
  const { seen } = handled as HandledResult<Replied>
  return seen?.kind === 'dhcp' && seen.asker === 'system'
}

/** Returns the result for a message that differs from an earlier one in nothing but the transaction. */
export function withTransaction({ result, ...rest }: Repeatable, message: Uint8Array): Repeatable {
  return { ...rest, result: { ...result, about: { ...result.about, xid: xidOf(message) } } }
}

/** Returns whether two replies to one machine differ in nothing but the transaction. */
export function isRepeated(one: Repeatable, other: Repeatable): boolean {
  const [{ about, kind }, { about: before, kind: kindBefore }] = [other.result, one.result]
  return (
    kind === kindBefore &&
    about.mac === before.mac &&
    about.address === before.address &&
    about.state === before.state &&
    about.bootFile === before.bootFile &&
    about.code === before.code &&
    about.reason === before.reason &&
    one.seen.uuid === other.seen.uuid &&
    one.seen.isUnprivileged === other.seen.isUnprivileged &&
    isSameDhcp(one.seen, other.seen)
  )
}

/** Returns the declared machine that a datagram is from. */
export function nodeOf(handled: Handled): string | undefined {
  return handled.kind === 'result' && 'about' in handled.result ? handled.result.about.node : undefined
}

/**
 * Returns what the main thread gets. For replies, this is JSON without what only the lane needs: reading a text is not slower
 * than reading an object with as many properties.
 */
export function portable(handled: Handled): Recorded | string {
  if (handled.kind !== 'result' || replyOf(handled) === undefined) return handled
  const { kind, octets, to, about, inventory } = handled.result as Replied
  const result = { kind, octets, to, about, ...(inventory && { inventory }) }
  return JSON.stringify({ ...handled, result } satisfies Recorded)
}

/** Returns what {@link portable} contains. */
export function recordedOf(message: Recorded | string): Recorded {
  return typeof message === 'string' ? (JSON.parse(message) as Recorded) : message
}

/** Returns the declared machine that sent a message of any format: `chaddr` is at a fixed offset (RFC 2131 §2). */
function declaredSender(
  payload: Uint8Array,
  { reservationByMac, proxiedByMac }: DhcpPlan,
): { readonly mac: Mac; readonly node: string } | undefined {
  if (payload.length < chaddrOffset + 6) return undefined
  const mac = macFromOctets(payload.subarray(chaddrOffset))
  const machine = reservationByMac.get(mac) ?? proxiedByMac.get(mac)
  return machine && { mac, node: machine.name }
}
