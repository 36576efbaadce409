/**
 * DHCP: four-way exchanges of 1,000 machines through a relay agent. The result is the highest rate at which less than 1 %
 * of the exchanges are lost.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, TestedServer } from './benchmark.ts'
import { measureRate, runLoad, warmUp, writeMacs, type Exchanges } from './dhcp-load.ts'
import { clientAddress, serverAddress, subnet, type Network } from './network.ts'
import { domain, gateway, leaseSeconds, nodes, type Files } from './site.ts'

export const dhcp: Benchmark = {
  key: 'dhcp',
  title: 'DHCP, 1,000 reservations, highest rate with less than 1 % lost',
  unit: 'exchanges/s',
  work: 'exchange',
  better: 'more',
  port: { transport: 'udp', number: 67 },
  // dnsmasq is omitted: with 1,000 reservations it completes 300 exchanges/s, and takes a minute for the measurement.
  peers: [kea(), dhcpd()],
  targets: [
    { peer: 'Kea', ratio: 1.5 },
    { peer: 'ISC dhcpd', ratio: 1.5 },
  ],
  prepare: writeMacs,
  warmUp: (network, files) => warmUp(exchange(network, files)),
  measure: (network, files) => measureRate(exchange(network, files)),
}

function exchange(network: Network, files: Files): Exchanges {
  const addresses = ['-relay', clientAddress(0), '-server', serverAddress]
  return (...load) => runLoad(network, files, addresses, load)
}

function kea(): TestedServer {
  return {
    name: 'Kea',
    async prepare({ dir }) {
      const configuration = {
        Dhcp4: {
          'interfaces-config': { interfaces: ['br0'], 'dhcp-socket-type': 'udp' },
          // The fastest setting: leases in memory only.
          'lease-database': { type: 'memfile', persist: false },
          'valid-lifetime': leaseSeconds,
          'reservations-global': false,
          'reservations-in-subnet': true,
          'reservations-out-of-pool': true,
          'host-reservation-identifiers': ['hw-address'],
          subnet4: [
            {
              subnet,
              'option-data': [
                { name: 'routers', data: gateway },
                { name: 'domain-name-servers', data: serverAddress },
                { name: 'domain-name', data: domain },
                { name: 'ntp-servers', data: serverAddress },
              ],
              reservations: nodes.map(({ name, mac, address }) => ({
                'hw-address': mac,
                'ip-address': address,
                hostname: `${name}.${domain}`,
              })),
            },
          ],
          loggers: [{ name: 'kea-dhcp4', severity: 'ERROR', output_options: [{ output: 'stdout' }] }],
        },
      }
      await writeFile(join(dir, 'kea.json'), JSON.stringify(configuration))
    },
    command: ({ dir }) => [
      ...['env', `KEA_LOCKFILE_DIR=${dir}`, `KEA_PIDFILE_DIR=${dir}`],
      ...['kea-dhcp4', '-c', join(dir, 'kea.json')],
    ],
  }
}

function dhcpd(): TestedServer {
  return {
    name: 'ISC dhcpd',
    async prepare({ dir }) {
      await mkdir(join(dir, 'dhcpd'), { recursive: true })
      await writeFile(join(dir, 'dhcpd/leases'), '')
      await writeFile(
        join(dir, 'dhcpd/dhcpd.conf'),
        `\
authoritative;
ddns-update-style none;
default-lease-time ${leaseSeconds};
max-lease-time ${leaseSeconds};
option routers ${gateway};
option domain-name-servers ${serverAddress};
option domain-name "${domain}";
option ntp-servers ${serverAddress};
subnet 172.16.0.0 netmask 255.255.248.0 {}
${nodes.map(({ name, mac, address }) => `host ${name} { hardware ethernet ${mac}; fixed-address ${address}; option host-name "${name}.${domain}"; }`).join('\n')}
`,
      )
    },
    command: ({ dir }) => [
      // With its path, because the npm package dhcp also has a command dhcpd.
      ...['/usr/sbin/dhcpd', '-4', '-f', '-q', '-cf', join(dir, 'dhcpd/dhcpd.conf')],
      ...['-lf', join(dir, 'dhcpd/leases'), '-pf', join(dir, 'dhcpd/pid'), 'br0'],
    ],
  }
}
