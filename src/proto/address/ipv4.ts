/** IPv4 addresses and networks as numbers: compared, masked and used as keys without allocation. */

/** An IPv4 address as an unsigned 32-bit number, most significant octet first. */
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

/** Four decimal octets without leading zeros; anything else is `undefined` (`010.0.0.1` is not an address). */
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

/** The four octets as they stand in a packet. */
export function ipv4Octets(address: Ipv4): Uint8Array {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address)
}

/** `network/prefix`. Host bits or a missing prefix are refused: `undefined`. */
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

/** Whether a machine can be given the address: inside, and neither the network nor the broadcast address. */
export function isHostAddress(cidr: Cidr, address: Ipv4): boolean {
  if (!cidrContains(cidr, address)) return false
  return cidr.prefix >= 31 || (address !== cidr.network && address !== cidr.broadcast)
}
