/** Which of this machine's addresses simulated machines speak from. */
import type { NetworkInterfaceInfo } from 'node:os'
import { cidrContains, formatIpv4, parseIpv4 } from '../proto/address/ipv4.ts'
import type { Site } from '../site/schema.ts'

/**
 * The server's own address where it is on this machine, else one in a subnet of the site: a broadcast from it
 * leaves by the interface that the nodes are on.
 *
 * @param interfaces as `os.networkInterfaces()` gives them
 * @returns the address in dotted text, or `undefined` when this machine is not on the site's network
 */
export function chooseSource(
  site: Pick<Site, 'server' | 'subnets'>,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): string | undefined {
  const own = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address)
  const server = formatIpv4(site.server.address)
  // All of 127.0.0.0/8 is on the loopback interface, whether named or not (RFC 1122 §3.2.1.3).
  if (own.includes(server) || server.startsWith('127.')) return server
  return own.find((text) => {
    const address = parseIpv4(text)
    return address !== undefined && site.subnets.some(({ cidr }) => cidrContains(cidr, address))
  })
}
