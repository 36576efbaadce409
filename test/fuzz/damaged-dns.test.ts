/** DNS: queries with EDNS options of which one is damaged, and with any size, flags, and reserved bits. */
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { answer } from '../../src/serve/dns/answer.ts'
import { crowdedModel } from '../plan/dns/guide.ts'
import { planOf } from '../serve/dns/ask.ts'
import { dnsPacket } from '../support/dns-packet.ts'
import { property } from './damaged.ts'
import { queries } from './dns-inputs.ts'
import type { Random } from './random.ts'

const plan = planOf(crowdedModel())
const out = new Uint8Array(1232)

function answerTo(query: Uint8Array): {
  readonly kind: string
  readonly isTruncated?: boolean
  readonly answer?: unknown
} {
  const result = answer(query, { mayForward: true }, plan, out, 'udp')
  if (result.kind !== 'reply') return { kind: result.kind }
  const { rcode, answers, flag_tc: isTruncated } = dnsPacket.decode(result.octets)
  return { kind: result.kind, isTruncated, answer: [rcode, answers] }
}

const additionalCount = 11
const plain = queries
  .filter((query) => query[additionalCount] === 0)
  .map((query) => ({ query, expected: answerTo(query) }))

const u16 = (value: number): number[] => [value >>> 8, value & 0xff]

/** NSID, client subnet, EXPIRE, cookie, keepalive, padding, extended error, and unknown codes. */
const codes = [3, 8, 9, 10, 11, 12, 15, 0, 65_001, 65_535]
const cookie = 10

function anyOption(random: Random): number[] {
  const code = random.once(8) ? random.below(65_536) : random.pick(codes)
  const value = [...random.octets(random.pick([0, 1, 2, 3, 4, 7, 8, 9, 16, 24, 40, 41, 100]))]
  // RFC 7873 §5.2.2: a cookie of another length is malformed, and the query gets FORMERR.
  const isInvalidCookie = code === cookie && value.length !== 8 && (value.length < 16 || value.length > 40)
  return isInvalidCookie ? [] : [...u16(code), ...u16(value.length), ...value]
}

property(t, 'dns', (random) => {
  const { query, expected } = random.pick(plain)
  const options = Array.from({ length: 1 + random.below(4) }, () => anyOption(random)).flat()
  const flags = [random.below(256), random.below(256)]
  // The extended code of a query has no meaning; version 0 (RFC 6891 §6.1.3).
  const opt = [0, ...u16(41), ...u16(random.below(65_536)), random.below(256), 0, ...flags, ...u16(options.length), ...options] // prettier-ignore
  const input = Uint8Array.of(...query, ...opt)
  input[additionalCount] = 1
  const holds = () => {
    const got = answerTo(input)
    return got.kind === expected.kind && (got.isTruncated === true || isDeepStrictEqual(got.answer, expected.answer)) // prettier-ignore
  }
  return { input, holds }
})
