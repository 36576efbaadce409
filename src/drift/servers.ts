/** The name servers to query: those that nodes and administrators use. */
import { readFile } from 'node:fs/promises'
import { formatCidr, formatIp, formatIpv4, parseIp } from '../proto/address/ip.ts'
import type { Model } from '../plan/model.ts'
import { parseResolver } from '../site/dns-section.ts'
import type { CheckedServer } from './report.ts'

const dnsPort = 53

/**
 * Returns the servers of a site, each once, those of the nodes first.
 *
 * @param resolvConf the text of /etc/resolv.conf
 */
export function serversOf({ site, endpoint }: Model, resolvConf: string): CheckedServer[] {
  const own = { address: formatIpv4(endpoint.address), port: endpoint.ports.dns }
  const isServed = site.dns.serve
  const found: CheckedServer[] = []
  const add = (
    server: Pick<CheckedServer, 'address' | 'port'>,
    usedBy: string,
    isRequired: boolean,
  ): void => {
    const index = found.findIndex(({ address, port }) => address === server.address && port === server.port)
    const known = found[index]
    if (known === undefined) found.push({ ...server, usedBy: [usedBy], isRequired })
    else {
      const all = known.usedBy.includes(usedBy) ? known.usedBy : [...known.usedBy, usedBy]
      found[index] = { ...known, usedBy: all, isRequired: known.isRequired || isRequired }
    }
  }
  if (isServed) add(own, 'this server', true)
  for (const { cidr, dns, dhcp } of site.subnets) {
    const nodes = `nodes in ${formatCidr(cidr)}`
    if (dns === undefined && dhcp === 'full') add(own, nodes, true)
    for (const address of dns ?? []) add(at(formatIp(address)), nodes, true)
  }
  if (isServed) {
    for (const peer of site.server.peers) add({ ...own, address: formatIp(peer) }, 'server.peers', true)
    for (const secondary of site.dns.secondaries) add(at(formatIp(secondary)), 'dns.secondaries', true)
  }
  for (const { address, port } of site.dns.forward) {
    add({ address: formatIp(address), port }, 'dns.forward', false)
  }
  for (const address of resolvConfServers(resolvConf)) add(at(address), '/etc/resolv.conf', false)
  return found
}

function at(address: string): Pick<CheckedServer, 'address' | 'port'> {
  return { address, port: dnsPort }
}

/** @returns an empty text when the machine has no such file */
export function readResolvConf(path = '/etc/resolv.conf'): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

/** resolv.conf(5): `nameserver ADDRESS`; an address with a scope (fe80::1%eth0) is skipped. */
export function resolvConfServers(text: string): string[] {
  return [...text.matchAll(/^nameserver\s+(\S+)/gm)].flatMap(([, address = '']) => {
    const ip = parseIp(address)
    return ip === undefined ? [] : [formatIp(ip)]
  })
}

/** Parses an address, which can have a port. @returns nothing for other text */
export function parseServer(text: string): CheckedServer | undefined {
  const server = parseResolver(text)
  if (server === undefined) return undefined
  return { address: formatIp(server.address), port: server.port, usedBy: ['--dns-server'], isRequired: true }
}

/** `172.16.0.101:53`, `[2001:db8::53]:53` */
export function formatServer({ address, port }: Pick<CheckedServer, 'address' | 'port'>): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
