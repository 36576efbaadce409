/**
 * The scalar values of a site file. Each is decoded from text to the type that the rest of the program uses, or rejected
 * with what was expected.
 */
import { z } from 'zod'
import {
  formatIp,
  ipv4Pattern,
  ipv6Pattern,
  parseIp,
  type Ip,
  parseCidr,
  parseIpv4,
  formatCidr,
  parseLooseCidr,
  type Cidr,
  type Ipv4,
  parseIpv6,
  type Ipv6,
} from '../proto/address/ip.ts'
import { isUnicastMac, parseMac, type Mac } from '../proto/address/mac.ts'
import {
  formatCidr6,
  parseCidr6,
  parseLooseCidr6,
  type AnyCidr,
  type Cidr6,
} from '../proto/address/network6.ts'
import { parseDuid, type Duid } from '../proto/dhcpv6/duid.ts'

type Scalar<T> = {
  /** Completes the message `got …, expected …`. */
  readonly expected: string
  readonly parse: (text: string) => T | undefined
  readonly examples?: readonly string[]
  /** For editors only: approximates what `parse` accepts. */
  readonly pattern: string
  /** Returns the value that the author of a rejected text probably meant. */
  readonly meant?: (text: string) => string | undefined
}

export function scalar<T>({ expected, parse, examples = [], pattern, meant }: Scalar<T>) {
  const message = `expected ${expected}`
  return z
    .string({ error: message })
    .meta({
      description: expected,
      ...(examples.length > 0 && { examples: [...examples] }),
      pattern,
      patternErrorMessage: message,
    })
    .transform((text, context): T => {
      const value = parse(text)
      if (value !== undefined) return value
      const suggestion = meant?.(text)
      const help = suggestion === undefined ? '' : `; did you mean ${suggestion}?`
      context.issues.push({ code: 'custom', input: text, message: message + help })
      return z.NEVER
    })
}

/** Returns a schema for text that is used unchanged if all of it matches the pattern. */
export function matching(expected: string, pattern: RegExp, examples: readonly string[] = []) {
  return scalar({
    expected,
    parse: (text) => (pattern.test(text) ? text : undefined),
    examples,
    pattern: pattern.source,
  })
}

export const ipv4 = scalar<Ipv4>({
  expected: 'an IPv4 address',
  parse: parseIpv4,
  examples: ['172.16.0.101'],
  pattern: `^${ipv4Pattern}$`,
  meant: withoutPrefix,
})

export const ipv6 = scalar<Ipv6>({
  expected: 'an IPv6 address',
  parse: parseIpv6,
  examples: ['2001:db8::101'],
  pattern: `^${ipv6Pattern}$`,
})

export const ip = scalar<Ip>({
  expected: 'an IPv4 or IPv6 address',
  parse: parseIp,
  examples: ['172.16.0.101', '2001:db8::101'],
  pattern: `^(?:${ipv4Pattern}|${ipv6Pattern})$`,
  meant: withoutPrefix,
})

/** `172.16.0.254/24` is a network, or the address of an interface. */
function withoutPrefix(text: string): string | undefined {
  const [address = '', ...rest] = text.split('/')
  return rest.length === 1 && parseIp(address) !== undefined ? address : undefined
}

export const cidr = scalar<Cidr>({
  expected: 'an IPv4 network without host bits, such as 172.16.0.0/24',
  parse: parseCidr,
  examples: ['172.16.0.0/24'],
  pattern: String.raw`^${ipv4Pattern}/(?:3[0-2]|[12]?\d)$`,
  meant(text) {
    const network = parseLooseCidr(text)
    return network === undefined ? undefined : formatCidr(network)
  },
})

export const cidr6 = scalar<Cidr6>({
  expected: 'an IPv6 network without host bits, such as fd00:16::/64',
  parse: parseCidr6,
  examples: ['fd00:16::/64'],
  pattern: String.raw`^${ipv6Pattern}/(?:12[0-8]|1[01]\d|[1-9]?\d)$`,
  meant(text) {
    const network = parseLooseCidr6(text)
    return network === undefined ? undefined : formatCidr6(network)
  },
})

/** A network of clients, in either version of IP. */
export const anyCidr = scalar<AnyCidr>({
  expected: 'a network without host bits, such as 172.16.0.0/24 or fd00:16::/64',
  parse: (text) => parseCidr(text) ?? parseCidr6(text),
  examples: ['172.16.0.0/24', 'fd00:16::/64'],
  pattern: String.raw`^(?:${ipv4Pattern}/(?:3[0-2]|[12]?\d)|${ipv6Pattern}/(?:12[0-8]|1[01]\d|[1-9]?\d))$`,
  meant(text) {
    const [ipv4, ipv6] = [parseLooseCidr(text), parseLooseCidr6(text)]
    if (ipv4 !== undefined) return formatCidr(ipv4)
    return ipv6 && formatCidr6(ipv6)
  },
})

/** RFC 8415 §11: the identifier of a DHCPv6 client. */
export const duid = scalar<Duid>({
  expected: 'a DUID in hexadecimal, such as 00:04:4c:4c:45:44:00:35',
  parse: parseDuid,
  examples: ['00:04:4c:4c:45:44:00:35:4e:10:80:53:b7:c0:4f:4d:32:31'],
  pattern: '^[0-9A-Fa-f]{2}(?:[: -]?[0-9A-Fa-f]{2}){2,129}$',
})

export const mac = scalar<Mac>({
  expected: 'a unicast MAC address',
  parse: unicastMac,
  examples: ['00:50:56:96:11:c2'],
  pattern:
    '^(?:(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}' +
    String.raw`|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12})$`,
})

function unicastMac(text: string): Mac | undefined {
  const address = parseMac(text)
  return address !== undefined && isUnicastMac(address) ? address : undefined
}

/** Returns a schema for one value or a list of values, possibly an empty one; decoded to a list. */
export function oneOrMore<Output, Input>(one: z.ZodType<Output, Input>, min = 0, expected = 'one value') {
  const list = min === 0 ? z.array(one) : z.array(one).min(min)
  return z
    .union([one, list], { error: `expected ${expected} or a list` })
    .transform((value) => [value].flat() as Output[])
}

/** One address or a list of addresses; decoded to a list without duplicates. */
export const ips = z
  .union([ip, z.array(ip).min(1)], { error: 'expected an IP address or a list of them' })
  .transform((value): readonly Ip[] => [
    ...new Map([value].flat().map((each) => [formatIp(each), each])).values(),
  ])

const octetsPattern = /^[0-9A-Fa-f]{2}(?:[ :]?[0-9A-Fa-f]{2})*$/

const labelPattern = String.raw`[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
const wholeLabel = new RegExp(`^${labelPattern}$`)

/** One host name label (RFC 1123 §2.1), in lower case. */
export const label = scalar<string>({
  expected: 'one host name label: up to 63 letters, digits, and inner hyphens',
  parse: (text) => (wholeLabel.test(text) ? text.toLowerCase() : undefined),
  examples: ['m1'],
  pattern: wholeLabel.source,
  meant(text) {
    const [first = ''] = text.split('.')
    return parseDomain(text) === undefined ? undefined : first
  },
})

/** A domain name of such labels, in lower case, without the trailing dot, up to 253 octets. */
export const domain = scalar<string>({
  expected: 'a domain name: labels of letters, digits, and inner hyphens, separated by dots',
  parse: parseDomain,
  examples: ['example.localdomain'],
  pattern: String.raw`^${labelPattern}(?:\.${labelPattern})*\.?$`,
})

/** The text of a DHCP option (RFC 2132 §2: NVT ASCII). */
export const optionText = matching('text of printable ASCII characters', /^[\x20-\x7e]+$/)

/** Octets in hexadecimal: `0a:1b`, `0a 1b`, or `0a1b`. */
export const hexOctets = scalar<Uint8Array>({
  expected: 'octets in hexadecimal, such as 01:0a:ff',
  parse: (text) =>
    octetsPattern.test(text)
      ? Uint8Array.from(text.match(/[0-9A-Fa-f]{2}/g) as string[], (octet) => Number.parseInt(octet, 16))
      : undefined,
  examples: ['01:0a:ff'],
  pattern: octetsPattern.source,
})

const dnsLabelPattern = String.raw`[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?`
const wholeDnsLabel = new RegExp(`^${dnsLabelPattern}$`)

/** The owner name of a record, which may have underscores (RFC 8552) and may be a wildcard. */
export const recordName = scalar<string>({
  expected: 'a fully qualified name: labels of letters, digits, hyphens, and underscores; the first may be *',
  parse(text) {
    const name = parseName(text.replace(/^\*\./, ''), wholeDnsLabel)
    return name === undefined || !text.startsWith('*.') ? name : `*.${name}`
  },
  examples: ['_etcd-server-ssl._tcp.ocp45.example.localdomain'],
  pattern: String.raw`^(?:\*\.)?${dnsLabelPattern}(?:\.${dnsLabelPattern})*\.?$`,
})

/** RFC 8659 §4.1; tags are compared case-insensitively, so the lower-case form is enough. */
export const caaTag = matching('a tag of up to 15 lower-case letters and digits', /^[a-z0-9]{1,15}$/, [
  'issue',
])

/** Up to 16 of these and their owner name fit into one DNS message. */
const maxTextOctets = 3900

/** The text of a TXT record. Clients print it, so control characters are not allowed. */
export const recordText = scalar<string>({
  expected: `text of 1 to ${maxTextOctets} octets without control characters`,
  parse: (text) =>
    // eslint-disable-next-line no-control-regex -- matches control characters on purpose
    /^[^\x00-\x1f\x7f]+$/.test(text) && new TextEncoder().encode(text).length <= maxTextOctets
      ? text
      : undefined,
  examples: ['v=spf1 -all'],
  pattern: String.raw`^[^\x00-\x1f\x7f]+$`,
})

/** The mailbox of an SOA record (RFC 1035 §3.3.13): the first dot replaces the @. */
export const mailbox = scalar<string>({
  expected: 'a mailbox as a domain name: root.example.net for root@example.net',
  parse: parseDomain,
  examples: ['root.example.localdomain'],
  pattern: String.raw`^${labelPattern}(?:\.${labelPattern})*\.?$`,
})

function parseDomain(text: string): string | undefined {
  return parseName(text, wholeLabel)
}

function parseName(text: string, labels: RegExp): string | undefined {
  const name = text.replace(/\.$/, '')
  return name.length <= 253 && name.split('.').every((part) => labels.test(part))
    ? name.toLowerCase()
    : undefined
}

/** A path on this machine: absolute, or relative to the directory of the site file (made absolute on loading). */
export const path = matching(
  'a path, absolute or relative to the site file (~ is not expanded)',
  // eslint-disable-next-line no-control-regex -- a path cannot contain a NUL byte
  /^[^~\x00][^\x00]*$/,
)

/**
 * A path on a node's disk. Files below the excluded directories are lost at the next start, or cannot be written at all
 * (https://coreos.github.io/ignition/operator-notes/).
 */
export const nodeFilePath = matching(
  'an absolute path that persists: not below /proc, /sys, /dev, /run, /tmp, or /usr (except /usr/local)',
  // eslint-disable-next-line no-control-regex -- excludes control characters on purpose
  /^(?!\/(?:proc|sys|dev|run|tmp)\/)(?!\/usr\/(?!local\/))(?:\/(?!\.{1,2}(?:\/|$))[^/\x00-\x1f\x7f]+)+$/,
  ['/etc/chrony.conf'],
)

/** Text, because YAML 1.2 reads 0644 as the decimal number 644. */
export const octalMode = scalar<number>({
  expected: 'permissions in octal, such as "0600"',
  parse: (text) => (/^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : undefined),
  examples: ['0600'],
  pattern: '^0?[0-7]{3}$',
})

/** Excludes directories and dotfiles, which are never served. */
export const fileName = matching('the name of a file in dir', /^[^./][^/]*$/)

export const imageName = matching(
  'a name of letters, digits, dots, hyphens, and underscores',
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  ['rhcos-4.17'],
)

export const segmentName = matching(
  'a name of up to 32 letters, digits, dots, and hyphens',
  /^[\w.-]{1,32}$/,
  ['rack-1'],
)
export const interfaceName = matching('an interface name of up to 15 characters', /^[^\s/]{1,15}$/, ['ens4'])

/** A whole disk, because the installer writes a partition table. */
export const diskPath = matching(
  'the path of a whole disk such as /dev/sda or /dev/disk/by-id/…',
  /^(?!.*\$\{)(?!\/dev\/(?:(?:[hsv]|xv)d[a-z]+\d+|(?:nvme\d+n|mmcblk)\d+p\d+)$)\/dev\/[\x21-\x7e]+$/,
  ['/dev/sda', '/dev/nvme0n1', '/dev/disk/by-id/wwn-0x5002538e40d6a1b2'],
)

/** iPXE would expand `${`. */
export const kernelArgument = matching(
  'one kernel argument: name or name=value, without spaces and ${',
  /^(?!.*\$\{)[A-Za-z_][\w.-]*(?:=[\x21-\x7e]*)?$/,
  ['ip=enp1s0:dhcp', 'rd.neednet=1'],
)

export const consoleDevice = matching(
  'a console device with its options, without console=',
  /^(?!.*\$\{)[A-Za-z][A-Za-z0-9]*(?:,[\x21-\x7e]*)?$/,
  ['tty0', 'ttyS0', 'ttyS0,115200n8'],
)

const bmcHost = String.raw`(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?`

/** Schemes of metal3.io: `ipmi`, `redfish`, `idrac-virtualmedia+https`, … */
const bmcUrlPattern = String.raw`[a-z][a-z0-9-]*(?:\+https?)?:\/\/(?:[\x21-\x2e\x30-\x3f\x41-\x7e]*@)?${bmcHost}(?:[\/?][\x21-\x7e]*)?`

export const bmcUrl = matching(
  'the URL of a BMC, such as redfish-virtualmedia://192.0.2.201/redfish/v1/Systems/1',
  new RegExp(`^${bmcUrlPattern}$`),
  ['redfish-virtualmedia://172.16.0.201/redfish/v1/Systems/1', 'ipmi://172.16.0.201'],
)

export const bmcAddress = matching(
  'the IP address, name, or URL of a BMC, such as 192.0.2.201',
  new RegExp(`^(?:${bmcUrlPattern}|${bmcHost})$`),
)

export const bmcSystem = matching(
  'the id or the path of a Redfish system, such as System.Embedded.1',
  /^(?:\/redfish\/v1\/Systems\/)?[A-Za-z0-9._~-]+\/?$/,
)

export const credentialsFile = matching(
  'the absolute path of a file, or the name of a systemd credential',
  // eslint-disable-next-line no-control-regex -- a path cannot contain a NUL byte
  /^(?:\/[^\x00]+|[A-Za-z0-9][A-Za-z0-9._-]*)$/,
)

/** Plain HTTP would let any machine on the path change records, and start installations. */
export const etcdEndpoint = matching(
  'the URL of an etcd member: https, or http on this machine, without a path',
  /^(?:https:\/\/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)|http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]))(?::\d{1,5})?\/?$/,
  ['https://172.16.0.101:2379'],
)

export const etcdPrefix = matching(
  'a prefix of etcd keys: a slash, then letters, digits, and the characters . _ - /',
  /^\/[A-Za-z0-9._/-]*[A-Za-z0-9]$/,
  ['/slipway/ocp45-lab'],
)

/** The name of a user of the API: printed in the log, so without control characters. */
export const userName = matching('a name of 1 to 128 printable ASCII characters', /^[\x20-\x7e]{1,128}$/, [
  'alice',
])

/** In lower case, as Node.js reports it. Excludes headers that have another meaning for the API. */
export const headerName = scalar<string>({
  expected: 'the name of a header that starts with X- or Remote-, such as X-Forwarded-User',
  parse: (text) => (/^(?:X|Remote)-[A-Za-z0-9-]{1,64}$/i.test(text) ? text.toLowerCase() : undefined),
  examples: ['X-Forwarded-User'],
  pattern: '^(?:[Xx]|[Rr][Ee][Mm][Oo][Tt][Ee])-[A-Za-z0-9-]{1,64}$',
})

/** Plain HTTP would send events in clear text. A fragment is never sent, and a user name would become a header. */
export const webhookUrl = matching(
  'an https URL, or an http URL on this machine, without a user name and a fragment',
  /^(?:https:\/\/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)|http:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]))(?::\d{1,5})?(?:[/?][\x21\x22\x24-\x7e]*)?$/,
)

/** The query of a URL often has a key; a space or an expansion of iPXE would change the script. */
export const bootScript = matching(
  'a path, or an http or https URL without a user name and a fragment',
  /^(?:https?:\/\/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?(?:[/?][\x21\x22\x24-\x7a\x7c\x7e]*)?|(?!https?:)[ -\uffff]*[ -.0-\uffff])$/,
)

export const assistedUrl = matching(
  'an http or https URL without a user name, a query, and a fragment',
  /^https?:\/\/(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?(?:\/[\x21\x22\x24-\x3e\x40-\x7e]*)?$/,
)

export const uuid = matching(
  'a UUID',
  /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/,
)

export const argument = matching(
  'an argument without NUL bytes',
  // eslint-disable-next-line no-control-regex -- an argument cannot contain a NUL byte
  /^[^\x00]*$/,
)

export const command = matching('a command', /\S/, ['systemctl reload haproxy'])

export const seconds = (min: number, max: number) => wholeNumber(min, max, ' of seconds')
export const port = wholeNumber(1, 65_535, '')
export const number16 = wholeNumber(0, 65_535, '')
export const number32 = wholeNumber(1, 0xffff_ffff, '')

export function wholeNumber(min: number, max: number, unit: string) {
  const error = `expected a whole number${unit} from ${min} to ${max}`
  return z.int({ error, abort: true }).min(min, { error }).max(max, { error })
}
