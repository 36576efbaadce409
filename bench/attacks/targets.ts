/** The attacked servers: slipway, and the peers that offer the attacked protocol. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestedServer } from '../benchmark.ts'
import { dns } from '../dns.ts'
import { serverAddress } from '../network.ts'
import { domain, gateway, leaseSeconds, nodes } from '../site.ts'
import { slipway } from '../slipway.ts'
import { tftp } from '../tftp.ts'
import type { Protocol } from './probe.ts'

/** A server, and the protocols by which it is measured. */
export type Target = {
  readonly server: TestedServer
  readonly port: { readonly transport: 'udp' | 'tcp'; readonly number: number }
  readonly protocols: readonly Protocol[]
}

const peer = (peers: readonly TestedServer[], name: string) =>
  peers.find((each) => each.name === name) as TestedServer
const port = (number: number) => ({ transport: 'udp', number }) as const

/** dnsmasq with the three protocols that slipway has, too. */
export const dnsmasq = createDnsmasq()

const slipwayTarget: Target = {
  ...{ server: slipway, port: { transport: 'tcp', number: 80 } },
  protocols: ['dns', 'dhcp', 'tftp', 'http'],
}
const dnsmasqTarget: Target = { server: dnsmasq, port: port(53), protocols: ['dns', 'dhcp', 'tftp'] }
const knotTarget: Target = { server: peer(dns.peers, 'Knot'), port: port(53), protocols: ['dns'] }
const bindTarget: Target = { server: peer(dns.peers, 'BIND'), port: port(53), protocols: ['dns'] }
const tftpdTarget: Target = { server: peer(tftp.peers, 'tftpd-hpa'), port: port(69), protocols: ['tftp'] }

export const allTargets = [slipwayTarget, dnsmasqTarget, knotTarget, bindTarget, tftpdTarget]

/** @param attack its name starts with the attacked protocol */
export function targetsOf(attack: string): readonly Target[] {
  if (attack.startsWith('dns-')) return [slipwayTarget, dnsmasqTarget, knotTarget, bindTarget]
  if (attack.startsWith('dhcp-')) return [slipwayTarget, dnsmasqTarget]
  if (attack.startsWith('tftp-')) return [slipwayTarget, dnsmasqTarget, tftpdTarget]
  return [slipwayTarget]
}

function createDnsmasq(): TestedServer {
  const onlyDns = peer(dns.peers, 'dnsmasq')
  return {
    name: 'dnsmasq',
    async prepare(files) {
      await onlyDns.prepare?.(files)
      const hosts = nodes.map(({ name, mac, address }) => `${mac},${address},${name}`)
      await writeFile(join(files.dir, 'dnsmasq.dhcp'), `${hosts.join('\n')}\n`)
    },
    command: (files) => [
      // Its single-port mode for TFTP cannot send with this option.
      ...onlyDns.command(files).filter((each) => each !== '--bind-interfaces'),
      ...[
        '--dhcp-authoritative',
        '--no-ping',
        `--dhcp-range=172.16.0.0,static,255.255.248.0,${leaseSeconds}`,
      ],
      ...[`--dhcp-hostsfile=${join(files.dir, 'dnsmasq.dhcp')}`, `--dhcp-option=3,${gateway}`],
      ...[`--dhcp-option=6,${serverAddress}`, `--domain=${domain}`],
      ...[`--dhcp-leasefile=${join(files.dir, 'dnsmasq.leases')}`, '--quiet-dhcp'],
      ...['--enable-tftp', `--tftp-root=${files.tftpRoot}`, '--quiet-tftp'],
    ],
  }
}
