/**
 * The single values of a site file: read from text, refused with what was expected. Each becomes the
 * type that the rest of the program works with, so that nothing is parsed twice.
 */
import { z } from 'zod'
import { formatIp, parseIp, type Ip } from '../proto/address/ip.ts'
import { parseCidr, parseIpv4, type Cidr, type Ipv4 } from '../proto/address/ipv4.ts'
import { isUnicastMac, parseMac, type Mac } from '../proto/address/mac.ts'

/** A scalar read by `parse`; `expected` ends the sentence "got …, expected …" (the value is put in when printed). */
function scalar<T>(expected: string, parse: (text: string) => T | undefined, example: string) {
  return z
    .string()
    .meta({ description: expected, examples: [example] })
    .transform((text, context): T => {
      const value = parse(text)
      if (value !== undefined) return value
      context.issues.push({ code: 'custom', input: text, message: `expected ${expected}` })
      return z.NEVER
    })
}

export const ipv4 = scalar<Ipv4>('an IPv4 address', parseIpv4, '172.16.0.101')
export const ip = scalar<Ip>('an IPv4 or IPv6 address', parseIp, '172.16.0.101')
export const cidr = scalar<Cidr>('an IPv4 network without host bits', parseCidr, '172.16.0.0/24')
export const mac = scalar<Mac>('the MAC address of one machine', unicastMac, '00:50:56:96:11:c2')

function unicastMac(text: string): Mac | undefined {
  const address = parseMac(text)
  return address !== undefined && isUnicastMac(address) ? address : undefined
}

/** One address or a list of them; always a list afterwards, without repetition. */
export const ips = z
  .union([ip, z.array(ip).min(1)])
  .transform((value): readonly Ip[] => [
    ...new Map([value].flat().map((each) => [formatIp(each), each])).values(),
  ])

const labelPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** One host name label (RFC 1123 §2.1), lower-cased: letters, digits and inner hyphens, up to 63. */
export const label = scalar<string>(
  'a host name label of letters, digits and inner hyphens',
  parseLabel,
  'm1',
)

/** A domain name of such labels, lower-cased, without the last dot, up to 253 octets. */
export const domain = scalar<string>('a domain name', parseDomain, 'example.localdomain')

function parseLabel(text: string): string | undefined {
  const lower = text.toLowerCase()
  return labelPattern.test(lower) ? lower : undefined
}

function parseDomain(text: string): string | undefined {
  const lower = text.toLowerCase().replace(/\.$/, '')
  return lower.length <= 253 && lower.split('.').every((part) => labelPattern.test(part)) ? lower : undefined
}

/** A path on the machine that serves: absolute, or relative to the site file's folder (made absolute on loading). */
export const path = z.string().min(1).meta({ description: 'a path, relative to the site file or absolute' })

/** One argument of a kernel command line: no blanks, nothing unprintable. */
export const kernelArgument = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'expected one kernel argument without blanks')

export const seconds = (least: number, most: number) => z.int().min(least).max(most)
export const port = z.int().min(1).max(65535)
