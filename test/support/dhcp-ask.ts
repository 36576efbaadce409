/** Calls `respond` and decodes its reply. */
import { decodeMessage } from '../../src/proto/dhcp/message.ts'
import type { DhcpPlan } from '../../src/plan/dhcp/plan.ts'
import type { Arrival } from '../../src/serve/dhcp/decide.ts'
import { maxReplyOctets } from '../../src/serve/dhcp/reply.ts'
import type { IsAttached } from '../../src/serve/dhcp/request.ts'
import { respond } from '../../src/serve/dhcp/respond.ts'

/** @param source by default the `ciaddr` of the message, as from a correct client */
export function ask(
  plan: DhcpPlan,
  packet: Uint8Array,
  arrival: Arrival = 'unknown',
  source = packet.subarray(12, 16).join('.'),
  { port = 68, isAttached }: { readonly port?: number; readonly isAttached?: IsAttached } = {},
) {
  const out = new Uint8Array(maxReplyOctets)
  const result = respond({ payload: packet, address: source, port }, arrival, plan, out, isAttached)
  if (!('octets' in result)) return { result, reply: undefined }
  const octets = out.subarray(0, result.octets)
  const message = decodeMessage(octets)
  const reply = {
    ...message,
    octets,
    codes: message.options.map(({ code }) => code),
    value: (code: number) => message.options.find((option) => option.code === code)?.value,
  }
  return { result, reply }
}

/** @throws when there is none */
export function replyFrom(plan: DhcpPlan, packet: Uint8Array) {
  const { result, reply } = ask(plan, packet)
  if (reply === undefined) throw new Error(`no reply: ${JSON.stringify(result)}`)
  return reply
}
