/**
 * How many bytes a server sends to a victim for each byte that a forger sends in the victim's name: TFTP in each mode of
 * its ports, and DNS. Bytes are those of the link: payload, UDP, IP, and Ethernet headers.
 */
import { join } from 'node:path'
import { output } from '../../test/e2e/process.ts'
import type { TestedServer } from '../benchmark.ts'
import { serverAddress, type Network } from '../network.ts'
import { startServer } from '../servers.ts'
import { domain, nodes, writeSite, type Files, type Node } from '../site.ts'
import { formatTable } from '../table.ts'
import { slipway } from '../slipway.ts'
import { dnsmasq } from './targets.ts'
import type { Traffic } from './forger.ts'

/** Longer than the time for which dnsmasq sends its blocks again. */
const tftpSeconds = 40
const dnsSeconds = 3
const ports = { from: 40_000, to: 40_063 }

type Mode = {
  /** Selects the mode on the command line. */
  readonly key: string
  readonly name: string
  /** The key `tftp` of the site file, without its root. */
  readonly site: string
  readonly dnsmasq: readonly string[]
  /** The ports to which a forger sends its acknowledgments. */
  readonly ackPorts: readonly [first: number, last: number]
  /** The blocks that slipway sends for an acknowledgment. */
  readonly windowBlocks: number
}

const modes: readonly Mode[] = [
  // The range of Linux (net.ipv4.ip_local_port_range).
  {
    key: 'amplification-any',
    name: 'any port',
    site: '',
    dnsmasq: [],
    ackPorts: [32_768, 60_999],
    windowBlocks: 16,
  },
  {
    key: 'amplification-single',
    name: 'single port',
    site: 'singlePort: true',
    dnsmasq: ['--tftp-single-port'],
    ackPorts: [69, 69],
    windowBlocks: 1,
  },
  {
    key: 'amplification-range',
    name: '64 ports',
    site: `ports: { from: ${ports.from}, to: ${ports.to} }`,
    dnsmasq: [`--tftp-port-range=${ports.from},${ports.to}`],
    ackPorts: [ports.from, ports.to],
    windowBlocks: 1,
  },
]

type Row = { readonly what: string; readonly server: string; readonly traffic: Traffic }

const dnsKey = 'amplification-dns'
export const amplificationKeys = [...modes.map(({ key }) => key), dnsKey]

/**
 * @param isWanted whether to measure what a key selects
 * @returns the table, and a line for each goal that slipway missed
 */
export async function measureAmplification(
  network: Network,
  files: Files,
  isWanted: (key: string) => boolean,
): Promise<{ readonly table: string; readonly missed: readonly string[] }> {
  const rows: Row[] = []
  for (const mode of modes.filter(({ key }) => isWanted(key))) {
    await writeSite(files, { tftp: `, ${mode.site}` })
    for (const server of [slipway, withOptions(dnsmasq, mode.dnsmasq)]) {
      const measured = await measure(network, files, server, [
        'tftp',
        tftpSeconds,
        ...mode.ackPorts,
        mode.windowBlocks,
      ])
      for (const [strategy, traffic] of Object.entries(measured)) {
        rows.push({ what: `TFTP, ${mode.name}: ${strategy}`, server: server.name, traffic })
      }
    }
  }
  await writeSite(files)
  for (const server of isWanted(dnsKey) ? [slipway, dnsmasq] : []) {
    const measured = await measure(network, files, server, [
      'dns',
      dnsSeconds,
      `${(nodes[0] as Node).name}.${domain}`,
    ])
    for (const [strategy, traffic] of Object.entries(measured)) {
      rows.push({ what: `DNS, client outside the site: ${strategy}`, server: server.name, traffic })
    }
  }
  return { table: formatAmplification(rows), missed: missedGoals(rows) }
}

const withOptions = (server: TestedServer, options: readonly string[]): TestedServer => ({
  ...server,
  command: (files) => [...server.command(files), ...options],
})

async function measure(
  network: Network,
  files: Files,
  server: TestedServer,
  about: readonly (string | number)[],
): Promise<Record<string, Traffic>> {
  const running = await startServer(network, server, { transport: 'udp', number: 69 }, files)
  try {
    const run = (client: 2 | 3, role: string) =>
      output(
        network.onClient(
          client,
          ...[process.execPath, join(import.meta.dirname, 'forger.ts'), role, serverAddress],
          ...about.map(String),
        ),
        { limitMs: 90_000 },
      ).then((text) => JSON.parse(text) as Record<string, number>)
    const [sent, received] = await Promise.all([run(2, 'send'), run(3, 'receive')])
    return Object.fromEntries(
      Object.entries(sent).map(([strategy, octets]) => [
        strategy,
        { sent: octets, received: received[strategy] ?? 0 },
      ]),
    )
  } finally {
    await running.stop()
  }
}

/** TFTP: in each mode at most as much as dnsmasq, if that is more than what the forger sends. DNS: less than that. */
function missedGoals(rows: readonly Row[]): string[] {
  const subjectOf = ({ what }: Row) => what.slice(0, what.indexOf(':'))
  return [...new Set(rows.map(subjectOf))].flatMap((subject) => {
    const worst = (name: string) =>
      Math.max(
        ...rows
          .filter((each) => subjectOf(each) === subject && each.server === name)
          .map(({ traffic: { sent, received } }) => received / sent),
      )
    const factor = worst('slipway')
    const max = subject.startsWith('DNS') ? 1 : Math.max(1, worst('dnsmasq'))
    return factor <= max ? [] : [`${subject}: factor ${factor.toFixed(1)}, maximum ${max.toFixed(1)}`]
  })
}

function formatAmplification(rows: readonly Row[]): string {
  const cells = [...new Set(rows.map(({ what }) => what))].map((what) => [
    what,
    ...['slipway', 'dnsmasq'].flatMap((name) => {
      const { sent, received } = (rows.find((each) => each.what === what && each.server === name) as Row)
        .traffic
      return [sent.toLocaleString('en-US'), received.toLocaleString('en-US'), (received / sent).toFixed(2)]
    }),
  ])
  const columns = ['slipway', 'dnsmasq'].flatMap((name) => [`${name}: sent`, 'victim got', 'factor'])
  return formatTable([['forged packets, bytes', ...columns], ...cells], [1, 2, 3, 4, 5, 6])
}
