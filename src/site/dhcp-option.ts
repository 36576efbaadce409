/**
 * DHCP options without a key of their own in the site file: a code and one value. The key of the value names its type,
 * because the code does not determine it. Decoded to the option's octets.
 */
import { z } from 'zod'
import { encodeAddresses, encodeNumbers } from '../proto/dhcp/values/number.ts'
import { encodeDomainNames, encodeText } from '../proto/dhcp/values/text.ts'
import { domain, hexOctets, ipv4, optionText, wholeNumber } from './scalars.ts'

export type ExtraOption = {
  readonly code: number
  readonly value: Uint8Array
  /** Sent even if the client did not request it (option 55). */
  readonly always: boolean
}

/** A longer value does not fit into a reply beside the other options. */
const maxValueOctets = 1024

const optionSchema = z.strictObject({
  code: wholeNumber(1, 254, '').meta({ description: 'option code' }),
  ip: oneOrList(ipv4, 'an IPv4 address').optional().meta({ description: 'IPv4 addresses' }),
  u8: oneOrList(wholeNumber(0, 255, ''), 'a number')
    .optional()
    .meta({ description: '8-bit numbers' }),
  u16: oneOrList(wholeNumber(0, 65_535, ''), 'a number')
    .optional()
    .meta({ description: '16-bit numbers' }),
  u32: oneOrList(wholeNumber(0, 0xffffffff, ''), 'a number')
    .optional()
    .meta({ description: '32-bit numbers' }),
  boolean: z.boolean().optional().meta({ description: 'one octet: 1 for true, 0 for false' }),
  text: optionText.optional().meta({ description: 'text' }),
  domains: z.array(domain).min(1).optional().meta({ description: 'domain names, uncompressed' }),
  hex: hexOctets.optional().meta({ description: 'octets in hexadecimal, for any other type' }),
  always: z
    .boolean()
    .default(false)
    .meta({ description: 'true: sent even if the client does not request it' }),
})

const types = ['ip', 'u8', 'u16', 'u32', 'boolean', 'text', 'domains', 'hex'] as const

/**
 * Returns the schema of a list of options.
 *
 * @param target options 43, 66, and 67 are this server's for machines that it boots, and free for hosts
 */
export function dhcpOptions(target: 'bootable' | 'host') {
  const reserved = new Map([...alwaysReserved, ...(target === 'host' ? [] : reservedForBoot)])
  const option = optionSchema.transform((given, context): ExtraOption => {
    const reject = (path: readonly string[], message: string) => {
      context.issues.push({ code: 'custom', input: given, path: [...path], message })
      return z.NEVER
    }
    const reason = reserved.get(given.code)
    if (reason !== undefined) return reject(['code'], `expected a code that slipway does not set: ${reason}`)
    if (types.filter((type) => given[type] !== undefined).length !== 1) {
      return reject([], `expected code and exactly one value: ${types.join(', ')}`)
    }
    const value = encode(given)
    if (value.length > maxValueOctets) return reject([], `expected a value of up to ${maxValueOctets} octets`)
    return { code: given.code, value, always: given.always }
  })
  return z
    .array(option)
    .default([])
    .check(({ value, issues }) => {
      for (const [index, { code }] of value.entries()) {
        if (value.findIndex((other) => other.code === code) === index) continue
        issues.push({
          code: 'custom',
          input: code,
          path: [index, 'code'],
          message: 'expected each code once',
        })
      }
    })
}

/** Encodes the value; exactly one key is set. */
function encode({
  ip,
  u8,
  u16,
  u32,
  boolean,
  text,
  domains,
  hex,
}: z.output<typeof optionSchema>): Uint8Array {
  if (ip !== undefined) return encodeAddresses(ip)
  if (u8 !== undefined) return encodeNumbers(u8, 1)
  if (u16 !== undefined) return encodeNumbers(u16, 2)
  if (u32 !== undefined) return encodeNumbers(u32, 4)
  if (boolean !== undefined) return Uint8Array.of(boolean ? 1 : 0)
  if (text !== undefined) return encodeText(text)
  if (domains !== undefined) return encodeDomainNames(domains)
  return hex as Uint8Array
}

function oneOrList<Output>(one: z.ZodType<Output>, what: string) {
  return z
    .union([one, z.array(one).min(1)], { error: `expected ${what} or a list of them` })
    .transform((value) => [value].flat() as Output[])
}

/** The reason per code: the key of the site file that sets the option, or why it cannot be set. */
const alwaysReserved: readonly (readonly [code: number, reason: string])[] = [
  [1, 'the mask follows from cidr of the subnet'],
  [3, 'set gateway of the subnet'],
  [6, 'set dns of the subnet'],
  [12, 'host names follow from the names of the machines'],
  [15, 'set domain of the subnet'],
  [26, 'set mtu of the subnet'],
  [28, 'the broadcast address follows from cidr of the subnet'],
  [33, 'set routes of the subnet'],
  [42, 'set ntp of the subnet'],
  [51, 'set leaseSeconds of the subnet'],
  [58, 'set leaseSeconds of the subnet'],
  [59, 'set leaseSeconds of the subnet'],
  [119, 'set search of the subnet'],
  [121, 'set routes of the subnet'],
  [249, 'set routes of the subnet'],
  ...[50, 52, 53, 54, 55, 56, 57, 61, 77, 82, 90, 118].map(
    (code) => [code, 'it is part of the protocol'] as const,
  ),
  ...[60, 93, 94, 97, 175].map((code) => [code, 'it is part of network boot'] as const),
]

const reservedForBoot: readonly (readonly [code: number, reason: string])[] = [43, 66, 67].map((code) => [
  code,
  'it is part of network boot, and only a host can have its own',
])
