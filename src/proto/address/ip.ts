/**
 * IP addresses and IPv4 networks. An IPv4 address is a number, which is compared, masked, and used as a key without
 * allocation. An IPv6 address is canonical text (RFC 5952), so that equal addresses are equal strings.
 */

/** An IPv4 address as an unsigned 32-bit number. */
export type Ipv4 = number & { readonly __brand: 'Ipv4' }

/** An IPv4 network (RFC 4632). `network` has no host bits. */
export type Cidr = {
  readonly network: Ipv4
  /** 0 to 32 */
  readonly prefix: number
  readonly mask: Ipv4
  readonly broadcast: Ipv4
}

/** Regular expressions of the text forms, for editors and configuration files; the one of IPv6 accepts some other texts. */
export const ipv4Pattern = String.raw`(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
export const ipv6Pattern = String.raw`[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*`

const decimalOctet = /^(?:0|[1-9]\d{0,2})$/

/** Parses four decimal octets without leading zeros; returns `undefined` for anything else, such as `010.0.0.1`. */
export function parseIpv4(text: string): Ipv4 | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  let value = 0
  for (const part of parts) {
    const octet = Number(part)
    if (!decimalOctet.test(part) || octet > 255) return undefined
    value = value * 256 + octet
  }
  return value as Ipv4
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** Returns the four octets in network order. */
export function ipv4Octets(address: Ipv4): Uint8Array {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address)
}

/** Parses `network/prefix`; returns `undefined` when the prefix is missing or host bits are set. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  const network = parseIpv4(text.slice(0, slash === -1 ? undefined : slash))
  const prefixText = slash === -1 ? '' : text.slice(slash + 1)
  const prefix = Number(prefixText)
  if (network === undefined || !decimalOctet.test(prefixText) || prefix > 32) return undefined
  const mask = (prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0) as Ipv4
  if ((network & mask) >>> 0 !== network) return undefined
  return { network, prefix, mask, broadcast: ((network | ~mask) >>> 0) as Ipv4 }
}

/** Parses an address with a prefix or a netmask and clears its host bits: `10.1.16.9/255.255.0.0` is 10.1.0.0/16. */
export function parseLooseCidr(text: string): Cidr | undefined {
  const [addressText = '', lengthText = ''] = text.split('/')
  const address = parseIpv4(addressText)
  const prefix = prefixOf(lengthText)
  if (address === undefined || prefix === undefined) return undefined
  const network = prefix === 0 ? 0 : (address & (0xffffffff << (32 - prefix))) >>> 0
  return parseCidr(`${formatIpv4(network as Ipv4)}/${prefix}`)
}

/** Returns the length of a prefix that is a number or a netmask. */
function prefixOf(text: string): number | undefined {
  const mask = parseIpv4(text)
  const length = mask === undefined ? (decimalOctet.test(text) ? Number(text) : NaN) : Math.clz32(~mask)
  const isPrefix = length <= 32 && (mask === undefined || (length < 32 ? mask << length === 0 : true))
  return isPrefix ? length : undefined
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIpv4(cidr.network)}/${cidr.prefix}`
}

export function cidrContains(cidr: Cidr, address: Ipv4): boolean {
  return (address & cidr.mask) >>> 0 === cidr.network
}

/** Returns whether one host can have the address: not 0.0.0.0/8, multicast, reserved, or broadcast (RFC 1122 §3.2.1.3). */
export function isUnicast(address: Ipv4): boolean {
  const first = address >>> 24
  return first > 0 && first < 224
}

/** Returns whether a host can have the address: inside, and neither the network nor the broadcast address. */
export function isHostAddress(cidr: Cidr, address: Ipv4): boolean {
  if (!cidrContains(cidr, address)) return false
  return cidr.prefix >= 31 || (address !== cidr.network && address !== cidr.broadcast)
}

/** Lower case, longest run of zero groups compressed, no leading zeros, no zone. */
export type Ipv6 = string & { readonly __brand: 'Ipv6' }

const hexGroup = /^[0-9a-f]{1,4}$/i

/** Parses any form of RFC 4291 §2.2 without a zone index; returns `undefined` for anything else. */
export function parseIpv6(text: string): Ipv6 | undefined {
  const groups = readGroups(text)
  return groups === undefined ? undefined : (formatGroups(groups) as Ipv6)
}

/** Returns the sixteen octets of an AAAA record. */
export function ipv6Octets(address: Ipv6): Uint8Array {
  const groups = readGroups(address) as number[]
  return Uint8Array.from(groups.flatMap((group) => [group >>> 8, group & 255]))
}

/** Returns the address at `offset` of a packet; the caller must check that sixteen octets are present. */
export function ipv6FromOctets(octets: Uint8Array, offset = 0): Ipv6 {
  const groups = Array.from({ length: 8 }, (_, index) => {
    const at = offset + 2 * index
    return ((octets[at] as number) << 8) | (octets[at + 1] as number)
  })
  return formatGroups(groups) as Ipv6
}

function readGroups(text: string): number[] | undefined {
  const halves = withoutDottedTail(text)?.split('::')
  if (halves === undefined || halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[]?]
  const given = [...head, ...(tail ?? [])]
  if (!given.every((group) => hexGroup.test(group))) return undefined
  const missing = 8 - given.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const zeros = Array.from({ length: missing }, () => '0')
  return [...head, ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16))
}

/** Rewrites `::ffff:192.0.2.1` as `::ffff:c000:201` (RFC 4291 §2.2, third form). */
function withoutDottedTail(text: string): string | undefined {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const octets = text.slice(start).split('.')
  if (start === 0 || octets.length !== 4) return undefined
  if (!octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)) return undefined
  const [a, b, c, d] = octets.map(Number) as [number, number, number, number]
  return `${text.slice(0, start)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
}

/** RFC 5952 §4.2: compresses only the longest run of two or more zero groups; of equal runs, the first. */
function formatGroups(groups: readonly number[]): string {
  let runStart = -1
  let runLength = 1
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > runLength) [runStart, runLength] = [start, length]
  }
  const text = (from: number, to?: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return runStart === -1 ? text(0) : `${text(0, runStart)}::${text(runStart + runLength)}`
}

// Addresses of either family, for DNS records and backends, which accept both.

/** `typeof` distinguishes them: a number is IPv4, a string is IPv6. */
export type Ip = Ipv4 | Ipv6

export function isIpv4(address: Ip): address is Ipv4 {
  return typeof address === 'number'
}

export function parseIp(text: string): Ip | undefined {
  return parseIpv4(text) ?? parseIpv6(text)
}

export function formatIp(address: Ip): string {
  return isIpv4(address) ? formatIpv4(address) : address
}
