/** The dns-packet package as an independent reader and writer of DNS messages; it has no types of its own. */
import { createRequire } from 'node:module'

export type JudgedRecord = {
  readonly name: string
  readonly type: string
  readonly ttl?: number
  readonly data?: unknown
  readonly udpPayloadSize?: number
  readonly extendedRcode?: number
  readonly flag_do?: boolean
  readonly options?: readonly unknown[]
}

export type Judged = {
  readonly id: number
  readonly type: 'query' | 'response'
  readonly opcode: string
  readonly rcode: string
  readonly flag_aa: boolean
  readonly flag_tc: boolean
  readonly flag_rd: boolean
  readonly flag_ra: boolean
  readonly flag_ad: boolean
  readonly flag_cd: boolean
  readonly questions: readonly { readonly name: string; readonly type: string; readonly class: string }[]
  readonly answers: readonly JudgedRecord[]
  readonly authorities: readonly JudgedRecord[]
  readonly additionals: readonly JudgedRecord[]
}

type Package = {
  decode(octets: Buffer): Judged
  encode(message: Record<string, unknown>): Buffer
  readonly TRUNCATED_RESPONSE: number
  readonly RECURSION_DESIRED: number
  readonly AUTHORITATIVE_ANSWER: number
  readonly CHECKING_DISABLED: number
  readonly AUTHENTIC_DATA: number
  readonly DNSSEC_OK: number
}

const dnsPacket = createRequire(import.meta.url)('dns-packet') as Package

export const judge = {
  ...dnsPacket,
  /** @throws {Error} when it cannot read the message */
  decode: (octets: Uint8Array): Judged => dnsPacket.decode(Buffer.from(octets)),
}
