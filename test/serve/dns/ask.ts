/** Asking the pure answer, with an independent codec on the client's side. */
import type { DnsPlan } from '../../../src/plan/dns/plan.ts'
import { compileDns } from '../../../src/plan/dns/compile.ts'
import type { Model } from '../../../src/plan/model.ts'
import { answer } from '../../../src/serve/dns/answer.ts'
import type { DnsAnswer, Transport } from '../../../src/serve/dns/query.ts'
import { dnsPacket, type DecodedMessage, type DecodedRecord } from '../../support/dns-packet.ts'

export type Query = {
  readonly name: string
  readonly type?: string
  readonly class?: string
  readonly id?: number
  readonly flags?: number
  readonly opcode?: string
  /** If set, the query has an OPT record. */
  readonly edns?: { readonly size?: number; readonly version?: number; readonly isDnssecOk?: boolean }
}

export function planOf(model: Model): DnsPlan {
  const { plan } = compileDns(model)
  if (plan === undefined) throw new Error('the site serves no names')
  return plan
}

/** Recursion is desired unless `flags` say otherwise. */
export function encode({
  name,
  type = 'A',
  id = 1,
  flags = dnsPacket.RECURSION_DESIRED,
  edns,
  ...rest
}: Query): Uint8Array {
  const opt = edns && {
    type: 'OPT',
    name: '.',
    udpPayloadSize: edns.size ?? 1232,
    ednsVersion: edns.version ?? 0,
    flags: edns.isDnssecOk === true ? dnsPacket.DNSSEC_OK : 0,
    options: [],
  }
  return dnsPacket.encode({
    type: 'query',
    id,
    flags,
    ...(rest.opcode !== undefined && { opcode: rest.opcode }),
    questions: [{ name, type, class: rest.class ?? 'IN' }],
    additionals: opt === undefined ? [] : [opt],
  })
}

export function askOctets(
  plan: DnsPlan,
  query: Uint8Array,
  { mayForward = true, transport = 'udp' }: { mayForward?: boolean; transport?: Transport } = {},
): DnsAnswer {
  return answer(query, { mayForward }, plan, new Uint8Array(65_535).fill(0xee), transport)
}

/** The reply as an independent decoder reads it. */
export function ask(plan: DnsPlan, query: Query, options?: Parameters<typeof askOctets>[2]): DecodedMessage {
  const result = askOctets(plan, encode(query), options)
  if (result.kind !== 'reply') throw new Error(`no reply: ${result.kind}`)
  return dnsPacket.decode(result.octets)
}

/** `m1.example.net A 192.0.2.21`; of a SOA its owner and TTL. */
export function line({ name, type, ttl, data }: DecodedRecord): string {
  return type === 'SOA' ? `${name} SOA ${ttl ?? ''}` : `${name} ${type} ${String(data)}`
}
