/** The package dns-packet as an independent encoder and decoder of DNS messages, with type declarations. */
import { createRequire } from 'node:module'

export type DecodedRecord = {
  readonly name: string
  readonly type: string
  readonly ttl?: number
  readonly data?: unknown
  readonly udpPayloadSize?: number
  readonly extendedRcode?: number
  readonly flag_do?: boolean
  readonly options?: readonly unknown[]
}

export type DecodedMessage = {
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
  readonly answers: readonly DecodedRecord[]
  readonly authorities: readonly DecodedRecord[]
  readonly additionals: readonly DecodedRecord[]
}

type Package = {
  decode(octets: Buffer): DecodedMessage
  encode(message: Record<string, unknown>): Buffer
  readonly TRUNCATED_RESPONSE: number
  readonly RECURSION_DESIRED: number
  readonly AUTHORITATIVE_ANSWER: number
  readonly CHECKING_DISABLED: number
  readonly AUTHENTIC_DATA: number
  readonly DNSSEC_OK: number
}

const library = createRequire(import.meta.url)('dns-packet') as Package

export const dnsPacket = {
  ...library,
  /** @throws {Error} if the message is malformed */
  decode: (octets: Uint8Array): DecodedMessage => library.decode(Buffer.from(octets)),
}
