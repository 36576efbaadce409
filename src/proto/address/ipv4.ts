/** IPv4 addresses and networks as numbers, which are compared, masked, and used as keys without allocation. */

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

export function formatCidr(cidr: Cidr): string {
  return `${formatIpv4(cidr.network)}/${cidr.prefix}`
}

export function cidrContains(cidr: Cidr, address: Ipv4): boolean {
  return (address & cidr.mask) >>> 0 === cidr.network
}

/** Returns whether a host can have the address: inside, and neither the network nor the broadcast address. */
export function isHostAddress(cidr: Cidr, address: Ipv4): boolean {
  if (!cidrContains(cidr, address)) return false
  return cidr.prefix >= 31 || (address !== cidr.network && address !== cidr.broadcast)
}
