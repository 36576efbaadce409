/** An address of either family, for DNS records and back ends, which accept both. */
import { formatIpv4, parseIpv4, type Ipv4 } from './ipv4.ts'
import { parseIpv6, type Ipv6 } from './ipv6.ts'

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
