/** Asking the DHCP server's pure half, and reading what it would send. */
import { decodeMessage } from '../../src/proto/dhcp/message.ts'
import type { DhcpPlan } from '../../src/plan/dhcp/plan.ts'
import type { Arrival } from '../../src/serve/dhcp/decide.ts'
import { mostReplyOctets } from '../../src/serve/dhcp/reply.ts'
import { respond } from '../../src/serve/dhcp/respond.ts'

export function ask(plan: DhcpPlan, packet: Uint8Array, arrival: Arrival = 'unknown') {
  const out = new Uint8Array(mostReplyOctets)
  const verdict = respond(packet, arrival, plan, out)
  if (!('octets' in verdict)) return { verdict, reply: undefined }
  const octets = out.subarray(0, verdict.octets)
  const message = decodeMessage(octets)
  const reply = {
    ...message,
    octets,
    codes: message.options.map(({ code }) => code),
    value: (code: number) => message.options.find((option) => option.code === code)?.value,
  }
  return { verdict, reply }
}

/** @throws when there is none */
export function replyFrom(plan: DhcpPlan, packet: Uint8Array) {
  const { verdict, reply } = ask(plan, packet)
  if (reply === undefined) throw new Error(`no reply: ${JSON.stringify(verdict)}`)
  return reply
}
