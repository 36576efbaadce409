/**
 * DHCP with perfdhcp: four-way exchanges of 1,000 machines through a relay agent. The result is the highest rate at which
 * less than 1 % of the exchanges are lost.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../test/e2e/process.ts'
import type { Benchmark, Measurement, TestedServer } from './benchmark.ts'
import { serverAddress, subnet, type Network } from './network.ts'
import { parsePerfdhcp, type PerfdhcpResult } from './load-output.ts'
import { highestRate } from './search.ts'
import { domain, gateway, leaseSeconds, nodes, type Files } from './site.ts'

/** Long enough that the content of a receive buffer does not matter. perfdhcp accepts whole seconds. */
export const seconds = 2
const maxLostPercent = 1
const rates = { first: 4000, min: 60, max: 64_000, steps: 3 }

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
  async warmUp(network, files) {
    const { completed } = await exchange(network, files, 500, 1)
    if (completed === 0) throw new Error('perfdhcp completed no exchange')
    await exchange(network, files, 4000, 1)
  },
  measure: (network, files) => measureRate((rate) => exchange(network, files, rate)),
}

/** Searches for the highest rate at which few exchanges are lost. `exchanges` runs for {@link seconds}. */
export async function measureRate(
  exchanges: (rate: number) => Promise<PerfdhcpResult>,
): Promise<Measurement> {
  const lost = new Map<number, number>()
  let done = 0
  const isSustained = async (rate: number): Promise<boolean> => {
    const { started, completed } = await exchanges(rate)
    const lostPercent = 100 * (1 - completed / started)
    lost.set(rate, lostPercent)
    done += completed
    // If perfdhcp is too slow for the rate, the rate was not tested.
    return lostPercent < maxLostPercent && started > 0.98 * rate * seconds
  }
  const value = await highestRate(isSustained, rates)
  return { value, done, lostPercent: lost.get(value) ?? 100 }
}

/** Returns the command line of perfdhcp without the server. perfdhcp acts as a relay agent with the client's address. */
export function perfdhcpCommand(dir: string, rate: number, forSeconds: number): string[] {
  return [
    ...['perfdhcp', '-4', '-l', 'eth0', '-M', macsPath(dir), '-r', `${rate}`, '-p', `${forSeconds}`],
    // Waits 0.5 s for late replies.
    ...['-W', '500000', '-g', 'single'],
  ]
}

/** Writes the MAC addresses from which perfdhcp takes those of its clients. */
export async function writeMacs({ dir }: Files): Promise<void> {
  await writeFile(macsPath(dir), `${nodes.map(({ mac }) => mac).join('\n')}\n`)
}

export const macsPath = (dir: string) => join(dir, 'macs')

async function exchange(network: Network, { dir }: Files, rate: number, forSeconds = seconds) {
  // The exit code is ignored: it only shows whether all exchanges were completed.
  const command = [...perfdhcpCommand(dir, rate, forSeconds), serverAddress]
  const { stdout, stderr } = await run(network.onClient(0, ...command))
  return parsePerfdhcp(stdout || stderr)
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
