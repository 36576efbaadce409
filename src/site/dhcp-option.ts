/**
 * Options of DHCP that this server has no key for, as an operator writes them: a code and one value whose
 * type is said, because a code alone does not tell it. They become the octets that clients read.
 */
import { z } from 'zod'
import { encodeAddresses } from '../proto/dhcp/values/address.ts'
import { encodeDomainNames } from '../proto/dhcp/values/domain-search.ts'
import { encodeNumbers } from '../proto/dhcp/values/number.ts'
import { encodeText } from '../proto/dhcp/values/text.ts'
import { domain, hexOctets, ipv4, optionText, wholeNumber } from './scalars.ts'

export type ExtraOption = {
  readonly code: number
  readonly value: Uint8Array
  /** Sent to clients that did not ask for it too. */
  readonly always: boolean
}

/** What no reply has room for beside the rest. */
const longestValue = 1024

const written = z.strictObject({
  code: wholeNumber(1, 254, '').meta({ description: "the option's code" }),
  ip: oneOrList(ipv4, 'an IPv4 address').optional().meta({ description: 'IPv4 addresses' }),
  u8: oneOrList(wholeNumber(0, 255, ''), 'a number')
    .optional()
    .meta({ description: 'numbers of one octet' }),
  u16: oneOrList(wholeNumber(0, 65_535, ''), 'a number')
    .optional()
    .meta({ description: 'numbers of two octets' }),
  u32: oneOrList(wholeNumber(0, 0xffffffff, ''), 'a number')
    .optional()
    .meta({ description: 'numbers of four octets' }),
  boolean: z.boolean().optional().meta({ description: 'one octet, 1 for true' }),
  text: optionText.optional().meta({ description: 'text' }),
  domains: z.array(domain).min(1).optional().meta({ description: 'domain names, uncompressed' }),
  hex: hexOctets.optional().meta({ description: 'octets in hexadecimal, for all other types' }),
  always: z
    .boolean()
    .default(false)
    .meta({ description: 'true: sent to clients that do not ask for it too' }),
})

const types = ['ip', 'u8', 'u16', 'u32', 'boolean', 'text', 'domains', 'hex'] as const

/** Whose options they are: a boot client's 43, 66 and 67 are this server's, other machines may need their own. */
export function dhcpOptions(whose: 'bootable' | 'host') {
  const reserved = new Map([...reservedAnywhere, ...(whose === 'host' ? [] : reservedWhereBooted)])
  const option = written.transform((given, context): ExtraOption => {
    const refuse = (path: readonly string[], message: string) => {
      context.issues.push({ code: 'custom', input: given, path: [...path], message })
      return z.NEVER
    }
    const owner = reserved.get(given.code)
    if (owner !== undefined) return refuse(['code'], `expected a code that is not this server's: ${owner}`)
    if (types.filter((type) => given[type] !== undefined).length !== 1) {
      return refuse([], `expected one value beside the code, as one of ${types.join(', ')}`)
    }
    const value = encode(given)
    if (value.length > longestValue) return refuse([], `expected a value of up to ${longestValue} octets`)
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

/** Exactly one type is there. */
function encode({ ip, u8, u16, u32, boolean, text, domains, hex }: z.output<typeof written>): Uint8Array {
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

/** Where a site says what these options say, or why nobody may. */
const reservedAnywhere: readonly (readonly [code: number, owner: string])[] = [
  [1, 'the mask is that of the subnet'],
  [3, 'write gateway of the subnet'],
  [6, 'write dns of the subnet'],
  [12, 'names are those of the machines'],
  [15, 'write domain of the subnet'],
  [26, 'write mtu of the subnet'],
  [28, 'the broadcast address is that of the subnet'],
  [33, 'write routes of the subnet'],
  [42, 'write ntp of the subnet'],
  [51, 'write leaseSeconds of the subnet'],
  [58, 'write leaseSeconds of the subnet'],
  [59, 'write leaseSeconds of the subnet'],
  [119, 'write search of the subnet'],
  [121, 'write routes of the subnet'],
  [249, 'write routes of the subnet'],
  ...[50, 52, 53, 54, 55, 56, 57, 61, 77, 82, 90, 118].map(
    (code) => [code, 'it is part of the protocol'] as const,
  ),
  ...[60, 93, 94, 97, 175].map((code) => [code, 'it belongs to network boot'] as const),
]

const reservedWhereBooted: readonly (readonly [code: number, owner: string])[] = [43, 66, 67].map((code) => [
  code,
  'it belongs to network boot, only a host may have its own',
])
