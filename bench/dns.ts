/** DNS with dnsperf: names that nodes query, some missing names, and some names without the queried type. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { output } from '../test/e2e/process.ts'
import type { TestedServer, Benchmark } from './benchmark.ts'
import { serverAddress, type Network } from './network.ts'
import { parseDnsperf, type DnsperfResult } from './load-output.ts'
import { domain, loadBalancer, names, nodes, reverseName, type Files } from './site.ts'

const warmUpSeconds = 2
const seconds = 3
/** One of 20 questions is about a name that does not exist. */
const expectedNxdomainPercent = 5

export const dns: Benchmark = {
  key: 'dns',
  title: 'DNS, 1,000 nodes, names of one zone and its reverse',
  unit: 'answers/s',
  work: 'answer',
  better: 'more',
  port: { transport: 'udp', number: 53 },
  peers: [dnsmasq(), bind(), knot(), coreDns()],
  targets: [
    { peer: 'Knot', ratio: 1.2 },
    { peer: 'CoreDNS', ratio: 1.2 },
  ],
  noMoreProcessorThan: 'Knot',
  prepare: ({ dir }) => writeFile(join(dir, 'questions'), `${questions().join('\n')}\n`),
  async warmUp(network, files) {
    const { responseCodes } = await sendQueries(network, files, warmUpSeconds)
    const nxdomain = responseCodes.get('NXDOMAIN') ?? 0
    const noerror = responseCodes.get('NOERROR') ?? 0
    if (Math.abs(nxdomain - expectedNxdomainPercent) > 1 || nxdomain + noerror < 99) {
      const codes = [...responseCodes].map(([code, percent]) => `${code} ${percent} %`).join(', ')
      throw new Error(`expected ${expectedNxdomainPercent} % NXDOMAIN and NOERROR for the rest, got ${codes}`)
    }
  },
  async measure(network, files) {
    const { queriesPerSecond, sent, lost } = await sendQueries(network, files, seconds)
    return { value: queriesPerSecond, done: sent - lost, lostPercent: (100 * lost) / sent }
  },
}

async function sendQueries(network: Network, { dir }: Files, limitSeconds: number): Promise<DnsperfResult> {
  const command = ['dnsperf', '-s', serverAddress, '-d', join(dir, 'questions'), '-l', `${limitSeconds}`]
  return parseDnsperf(await output(network.onClient(0, ...command)))
}

/** All servers get the same questions in the same order. */
function questions(): string[] {
  return nodes.flatMap(({ name, address }, index) => {
    const own = `${name}.${domain}`
    switch (index % 20) {
      case 0:
        return [`missing${index}.${domain} A`]
      case 1:
        return [`${own} AAAA`]
      case 2:
      case 3:
        return [`api.${domain} A`]
      case 4:
      case 5:
        return [`api-int.${domain} A`]
      case 6:
      case 7:
        return [`console${index}.apps.${domain} A`]
      case 8:
      case 9:
      case 10:
        return [`${reverseName(address)} PTR`]
      default:
        return [`${own} A`]
    }
  })
}

function dnsmasq(): TestedServer {
  return {
    name: 'dnsmasq',
    async prepare({ dir }) {
      const hosts = [
        ...nodes.map(({ name, address }) => `${address} ${name}.${domain}`),
        ...names.map(([name, address]) => `${address} ${name}`),
      ]
      await writeFile(join(dir, 'dnsmasq.hosts'), `${hosts.join('\n')}\n`)
    },
    command: ({ dir }) => [
      ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root'],
      ...[`--listen-address=${serverAddress}`, '--bind-interfaces', '--no-resolv', '--no-hosts'],
      ...[`--addn-hosts=${join(dir, 'dnsmasq.hosts')}`, `--local=/${domain}/`],
      ...[`--address=/apps.${domain}/${loadBalancer.ingress}`, '--log-facility=-'],
    ],
  }
}

/** The zone files of BIND, Knot, and CoreDNS. */
async function writeZones(dir: string): Promise<void> {
  const head = [
    '$TTL 3600',
    `@ SOA ns.${domain}. root.${domain}. 1 3600 600 86400 3600`,
    `@ NS ns.${domain}.`,
  ]
  const forward = [
    ...head,
    `ns A ${serverAddress}`,
    ...names.map(([name, address]) => `${name}. A ${address}`),
    `*.apps A ${loadBalancer.ingress}`,
    ...nodes.map(({ name, address }) => `${name} A ${address}`),
  ]
  const reverse = [
    ...head,
    ...nodes.map(({ name, address }) => `${reverseName(address)}. PTR ${name}.${domain}.`),
  ]
  await writeFile(join(dir, 'forward.zone'), `${forward.join('\n')}\n`)
  await writeFile(join(dir, 'reverse.zone'), `${reverse.join('\n')}\n`)
}

function bind(): TestedServer {
  return {
    name: 'BIND',
    async prepare({ dir }) {
      await writeZones(dir)
      await writeFile(
        join(dir, 'named.conf'),
        `\
options {
  directory "${dir}";
  managed-keys-directory "${dir}";
  listen-on { ${serverAddress}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  lock-file none;
  recursion no;
  dnssec-validation no;
  minimal-responses yes;
};
controls {};
zone "${domain}" { type primary; file "forward.zone"; };
zone "16.172.in-addr.arpa" { type primary; file "reverse.zone"; };
`,
      )
    },
    command: ({ dir }) => ['named', '-g', '-c', join(dir, 'named.conf')],
  }
}

function knot(): TestedServer {
  return {
    name: 'Knot',
    async prepare({ dir }) {
      await writeZones(dir)
      await writeFile(
        join(dir, 'knot.conf'),
        `\
server:
  rundir: "${dir}"
  listen: ${serverAddress}@53
  user: root:root
database:
  storage: "${dir}/knot"
log:
  - target: stderr
    any: warning
zone:
  - domain: ${domain}
    file: "${dir}/forward.zone"
    zonefile-sync: -1
    journal-content: none
  - domain: 16.172.in-addr.arpa
    file: "${dir}/reverse.zone"
    zonefile-sync: -1
    journal-content: none
`,
      )
    },
    command: ({ dir }) => ['knotd', '-c', join(dir, 'knot.conf')],
  }
}

function coreDns(): TestedServer {
  const zone = (name: string, file: string): string =>
    `${name}:53 {\n  bind ${serverAddress}\n  file ${file}\n}\n`
  return {
    name: 'CoreDNS',
    async prepare({ dir }) {
      await writeZones(dir)
      const zones = [
        zone(domain, join(dir, 'forward.zone')),
        zone('16.172.in-addr.arpa', join(dir, 'reverse.zone')),
      ]
      await writeFile(join(dir, 'Corefile'), zones.join(''))
    },
    command: ({ dir }) => [join(dir, '../coredns'), '-quiet', '-conf', join(dir, 'Corefile')],
  }
}
