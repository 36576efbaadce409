/**
 * The single values of a site file: read from text, refused with what was expected. Each becomes the
 * type that the rest of the program works with, so that nothing is parsed twice.
 */
import { z } from 'zod'
import { formatIp, parseIp, type Ip } from '../proto/address/ip.ts'
import { parseCidr, parseIpv4, type Cidr, type Ipv4 } from '../proto/address/ipv4.ts'
import { isUnicastMac, parseMac, type Mac } from '../proto/address/mac.ts'

type Scalar<T> = {
  /** Ends the sentence "got …, expected …" (the value is put in when it is printed). */
  readonly expected: string
  readonly parse: (text: string) => T | undefined
  readonly examples?: readonly string[]
  /** For editors only: what `parse` takes, as nearly as a JSON Schema can say it. */
  readonly pattern: string
}

function scalar<T>({ expected, parse, examples = [], pattern }: Scalar<T>) {
  const message = `expected ${expected}`
  return z
    .string({ error: message })
    .meta({
      description: expected,
      ...(examples.length === 0 ? {} : { examples: [...examples] }),
      pattern,
      patternErrorMessage: message,
    })
    .transform((text, context): T => {
      const value = parse(text)
      if (value !== undefined) return value
      context.issues.push({ code: 'custom', input: text, message })
      return z.NEVER
    })
}

/** Text that is taken as it is when the whole of it matches. */
function word(expected: string, pattern: RegExp, examples: readonly string[] = []) {
  return scalar({
    expected,
    parse: (text) => (pattern.test(text) ? text : undefined),
    examples,
    pattern: pattern.source,
  })
}

const ipv4Pattern = String.raw`(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
const ipv6Pattern = String.raw`[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*`

export const ipv4 = scalar<Ipv4>({
  expected: 'an IPv4 address',
  parse: parseIpv4,
  examples: ['172.16.0.101'],
  pattern: `^${ipv4Pattern}$`,
})

export const ip = scalar<Ip>({
  expected: 'an IPv4 or IPv6 address',
  parse: parseIp,
  examples: ['172.16.0.101', '2001:db8::101'],
  pattern: `^(?:${ipv4Pattern}|${ipv6Pattern})$`,
})

export const cidr = scalar<Cidr>({
  expected: 'an IPv4 network without host bits, such as 172.16.0.0/24',
  parse: parseCidr,
  examples: ['172.16.0.0/24'],
  pattern: String.raw`^${ipv4Pattern}/(?:3[0-2]|[12]?\d)$`,
})

export const mac = scalar<Mac>({
  expected: 'the MAC address of one machine',
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

/** One address or a list of them; always a list afterwards, without repetition. */
export const ips = z
  .union([ip, z.array(ip).min(1)], { error: 'expected an IP address or a list of them' })
  .transform((value): readonly Ip[] => [
    ...new Map([value].flat().map((each) => [formatIp(each), each])).values(),
  ])

const octetsPattern = /^[0-9A-Fa-f]{2}(?:[ :]?[0-9A-Fa-f]{2})*$/

const labelPattern = String.raw`[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
const wholeLabel = new RegExp(`^${labelPattern}$`)

/** One host name label (RFC 1123 §2.1), lower-cased: letters, digits and inner hyphens, up to 63. */
export const label = scalar<string>({
  expected: 'one host name label: letters, digits and inner hyphens, up to 63',
  parse: (text) => (wholeLabel.test(text) ? text.toLowerCase() : undefined),
  examples: ['m1'],
  pattern: wholeLabel.source,
})

/** A domain name of such labels, lower-cased, without the last dot, up to 253 octets. */
export const domain = scalar<string>({
  expected: 'a domain name: labels of letters, digits and inner hyphens, joined by dots',
  parse: parseDomain,
  examples: ['example.localdomain'],
  pattern: String.raw`^${labelPattern}(?:\.${labelPattern})*\.?$`,
})

/** The text of a DHCP option (RFC 2132 §2: NVT ASCII). */
export const optionText = word('text of printable ASCII characters', /^[\x20-\x7e]+$/)

/** Octets as people and other programs write them: `0a:1b`, `0a 1b` or `0a1b`. */
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

/** The owner of a record: not only hosts have records, so underscores (RFC 8552) and a wildcard may be in it. */
export const recordName = scalar<string>({
  expected: 'a fully qualified name: labels of letters, digits, hyphens and underscores; the first may be *',
  parse(text) {
    const name = parseName(text.replace(/^\*\./, ''), wholeDnsLabel)
    return name === undefined || !text.startsWith('*.') ? name : `*.${name}`
  },
  examples: ['_etcd-server-ssl._tcp.ocp45.example.localdomain'],
  pattern: String.raw`^(?:\*\.)?${dnsLabelPattern}(?:\.${dnsLabelPattern})*\.?$`,
})

/** Up to 16 of these and their owner fit into one message. */
const longestTextOctets = 3900

/** What a TXT record says. Its octets are printed by others, so no controls. */
export const recordText = scalar<string>({
  expected: `text of 1 to ${longestTextOctets} octets without control characters`,
  parse: (text) =>
    // eslint-disable-next-line no-control-regex -- that is the point
    /^[^\x00-\x1f\x7f]+$/.test(text) && new TextEncoder().encode(text).length <= longestTextOctets
      ? text
      : undefined,
  examples: ['v=spf1 -all'],
  pattern: String.raw`^[^\x00-\x1f\x7f]+$`,
})

/** The mailbox of an SOA record (RFC 1035 §3.3.13): its first dot stands for the @. */
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

/** A path on the machine that serves: absolute, or relative to the site file's folder (made absolute on loading). */
export const path = word(
  'a path, absolute or relative to the site file (~ is not expanded)',
  // eslint-disable-next-line no-control-regex -- a path cannot hold the octet 0
  /^[^~\x00][^\x00]*$/,
)

/**
 * On a node's disk: what Ignition writes below the others is gone when the node has started, or was never writable
 * (https://coreos.github.io/ignition/operator-notes/).
 */
export const nodeFilePath = word(
  'the absolute path of a file that stays: not below /proc, /sys, /dev, /run, /tmp or /usr (/usr/local may be)',
  // eslint-disable-next-line no-control-regex -- names of files on the node without control characters
  /^(?!\/(?:proc|sys|dev|run|tmp)\/)(?!\/usr\/(?!local\/))(?:\/(?!\.{1,2}(?:\/|$))[^/\x00-\x1f\x7f]+)+$/,
  ['/etc/chrony.conf'],
)

/** Text, because YAML reads 0644 as a number, and not the one that is meant. */
export const octalMode = scalar<number>({
  expected: 'permissions in octal, such as "0600"',
  parse: (text) => (/^0?[0-7]{3}$/.test(text) ? Number.parseInt(text, 8) : undefined),
  examples: ['0600'],
  pattern: '^0?[0-7]{3}$',
})

/** No folder and no dotfile: those are never served. */
export const fileName = word('the name of a file inside dir', /^[^./][^/]*$/)

export const imageName = word(
  'a name of letters, digits, dots, hyphens and underscores',
  /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  ['rhcos-4.17'],
)

export const interfaceName = word('an interface name of up to 15 characters', /^[^\s/]{1,15}$/, ['ens4'])

/** Whole disks only: the installer writes a partition table. */
export const diskPath = word(
  'the path of a whole disk such as /dev/sda or /dev/disk/by-id/…',
  /^(?!.*\$\{)(?!\/dev\/(?:(?:[hsv]|xv)d[a-z]+\d+|(?:nvme\d+n|mmcblk)\d+p\d+)$)\/dev\/[\x21-\x7e]+$/,
  ['/dev/sda', '/dev/nvme0n1', '/dev/disk/by-id/wwn-0x5002538e40d6a1b2'],
)

/** `${` would be expanded by iPXE on the way to the kernel. */
export const kernelArgument = word(
  'one kernel argument: a name, or name=value, without blanks and ${',
  /^(?!.*\$\{)[A-Za-z_][\w.-]*(?:=[\x21-\x7e]*)?$/,
  ['ip=enp1s0:dhcp', 'rd.neednet=1'],
)

export const consoleDevice = word(
  'a console device with its options, without console=',
  /^(?!.*\$\{)[A-Za-z][A-Za-z0-9]*(?:,[\x21-\x7e]*)?$/,
  ['tty0', 'ttyS0', 'ttyS0,115200n8'],
)

export const command = word('a command', /\S/, ['systemctl reload haproxy'])

export const seconds = (least: number, most: number) => wholeNumber(least, most, ' of seconds')
export const port = wholeNumber(1, 65_535, '')
export const number16 = wholeNumber(0, 65_535, '')
export const number32 = wholeNumber(1, 0xffff_ffff, '')

export function wholeNumber(least: number, most: number, unit: string) {
  const error = `expected a whole number${unit} from ${least} to ${most}`
  return z.int({ error, abort: true }).min(least, { error }).max(most, { error })
}
