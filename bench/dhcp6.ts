/** DHCPv6: four-way exchanges of 1,000 machines with a DUID-LL on the link of the server, as in bench/dhcp.ts. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../test/e2e/process.ts'
import type { Benchmark, TestedServer } from './benchmark.ts'
import { measureRate, runLoad, warmUp, writeMacs, type Exchanges } from './dhcp-load.ts'
import { serverAddress, type Network } from './network.ts'
import { cluster, domain, image, leaseSeconds, nodes, type Files } from './site.ts'
import { ownCheckout, prepareCheckout, serveCommand } from './slipway.ts'

const subnet6 = 'fd00:16::/64'
const serverAddress6 = 'fd00:16::1'
const nodes6 = nodes.map(({ name, mac }, index) => ({
  ...{ name, mac, duid: `00:03:00:01:${mac}` },
  address: `fd00:16::1:${(index + 1).toString(16)}`,
}))

export const dhcp6: Benchmark = {
  key: 'dhcp6',
  title: 'DHCPv6, 1,000 reservations, highest rate with less than 1 % lost',
  unit: 'exchanges/s',
  work: 'exchange',
  better: 'more',
  port: { transport: 'udp', number: 547 },
  slipway: {
    name: 'slipway',
    async prepare(files) {
      await prepareCheckout(ownCheckout, files.dir)
      await writeSite6(files)
    },
    command: ({ dir }) => withIpv6('br0', ...serveCommand(ownCheckout, dir)),
  },
  peers: [kea6()],
  targets: [{ peer: 'Kea', ratio: 1.2 }],
  prepare: writeMacs,
  async warmUp(network, files) {
    await output(network.onClient(0, ...withIpv6('eth0', 'true')))
    await warmUp(exchange6(network, files))
  },
  measure: (network, files) => measureRate(exchange6(network, files)),
}

/** Runs a command after the interface has a link-local address, which clients send from; the server has another one. */
function withIpv6(name: 'br0' | 'eth0', ...command: readonly string[]): string[] {
  const steps = [
    ...['all', 'default', name].map((scope) => `sysctl -qw net.ipv6.conf.${scope}.accept_dad=0`),
    ...['all', 'default', name].map((scope) => `sysctl -qw net.ipv6.conf.${scope}.disable_ipv6=0`),
    ...(name === 'br0' ? [`ip -6 addr replace ${serverAddress6}/64 dev br0 nodad`] : []),
    'exec "$@"',
  ]
  return ['sh', '-c', steps.join(' && '), 'sh', ...command]
}

function exchange6(network: Network, files: Files): Exchanges {
  return (...load) => runLoad(network, files, ['-link', 'eth0'], load)
}

/** Writes a site whose nodes have only IPv6. */
async function writeSite6({ dir, images }: Files): Promise<void> {
  const ignition = join(dir, 'ignition', cluster)
  await mkdir(ignition, { recursive: true })
  await writeFile(join(ignition, 'worker.ign'), '{"ignition":{"version":"3.2.0"}}')
  const site = {
    site: 'bench',
    server: { interface: 'br0', address: serverAddress, address6: serverAddress6 },
    subnets6: [{ cidr: subnet6, leaseSeconds }],
    images: { [image]: { dir: images } },
    clusters: [
      {
        ...{ name: cluster, domain: 'example.localdomain', image, ignition, disk: '/dev/vda' },
        loadBalancer: { api: 'fd00:16::fffe', ingress: 'fd00:16::ffff' },
        nodes: nodes6.map(({ name, mac, address }) => ({ name, role: 'worker', mac, address })),
      },
    ],
  }
  // JSON is YAML.
  await writeFile(join(dir, 'site.yaml'), JSON.stringify(site, undefined, 1))
}

function kea6(): TestedServer {
  return {
    name: 'Kea',
    async prepare({ dir }) {
      const configuration = {
        Dhcp6: {
          'interfaces-config': { interfaces: ['br0'] },
          // The fastest setting: leases in memory only.
          'lease-database': { type: 'memfile', persist: false },
          'server-id': { type: 'LL', persist: false },
          'valid-lifetime': leaseSeconds,
          'preferred-lifetime': leaseSeconds,
          'reservations-global': false,
          'reservations-in-subnet': true,
          'reservations-out-of-pool': true,
          'host-reservation-identifiers': ['duid'],
          subnet6: [
            {
              subnet: subnet6,
              interface: 'br0',
              'option-data': [
                { name: 'dns-servers', data: serverAddress6 },
                { name: 'domain-search', data: domain },
              ],
              reservations: nodes6.map(({ name, duid, address }) => ({
                ...{ duid, hostname: `${name}.${domain}` },
                'ip-addresses': [address],
              })),
            },
          ],
          loggers: [{ name: 'kea-dhcp6', severity: 'ERROR', output_options: [{ output: 'stdout' }] }],
        },
      }
      await writeFile(join(dir, 'kea6.json'), JSON.stringify(configuration))
    },
    command: ({ dir }) =>
      withIpv6(
        'br0',
        ...['env', `KEA_LOCKFILE_DIR=${dir}`, `KEA_PIDFILE_DIR=${dir}`],
        ...['kea-dhcp6', '-c', join(dir, 'kea6.json')],
      ),
  }
}
