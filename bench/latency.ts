/** Latency of DHCP and DNS while 16 clients download images without a limit, and a rack of nodes boots and installs. */
import { join } from 'node:path'
import { output, run } from '../test/e2e/process.ts'
import type { TestedServer } from './benchmark.ts'
import { macsPath } from './dhcp-load.ts'
import { dhcp } from './dhcp.ts'
import { dns } from './dns.ts'
import { imageUrl } from './http.ts'
import { serverAddress, type Network } from './network.ts'
import { parseDnsperf, parseDnsperfDelays, parsePerfdhcp, parsePerfdhcpDelays } from './load-output.ts'
import { relayedNodes, runClient } from './rack/client.ts'
import { withRetry } from './rounds.ts'
import { startServer, type Server } from './servers.ts'
import { nodes, writeSite, type Files } from './site.ts'
import { freshServeCommand, ownCheckout, slipway } from './slipway.ts'
import { percentile } from './statistics.ts'
import { formatFigure } from './table.ts'

export type Delays = {
  readonly name: 'DHCP' | 'DNS'
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
  readonly max: number
  readonly lostPercent: number
  /** How long all threads of slipway together waited for a processor. */
  readonly waitedSeconds: number
}

const seconds = 8
const rates = { dns: 500, dhcp: 100 }
/** Downloads have a lower priority than the measuring programs on the same cores, so that these do not wait. */
const lowPriority = ['nice', '-n', '10']

/** They boot during the measurement, and read the start of each image: the readers read all of it. */
const bootingNodes = 200
const maxBytes = 8 * 1024 * 1024
/** They boot before the measurement, so that the server has compiled its code. */
const earlierNodes = 50
const rackNodes = relayedNodes(bootingNodes + earlierNodes)

const stormSlipway: TestedServer = {
  ...slipway,
  async prepare(files) {
    await slipway.prepare?.(files)
    await writeSite(files, { declared: [...nodes, ...rackNodes] })
  },
  command: ({ dir }) => freshServeCommand(ownCheckout, dir),
}

/** @returns the delays of DHCP and DNS; the server must be warmed up */
async function latencyUnderLoad(network: Network, files: Files, server: Server): Promise<readonly Delays[]> {
  const { dir } = files
  const waitedBefore = await server.waitedSeconds()
  const downloads = ['wrk', '-t', '1', '-c', '16', '-d', `${seconds + 2}s`, '--timeout', '60s', imageUrl]
  const downloading = output(network.onClient(3, ...lowPriority, ...downloads))
  const booting = boot(network, files, rackNodes.slice(0, bootingNodes))
  const queries = ['dnsperf', '-v', '-s', serverAddress, '-d', join(dir, 'questions'), '-Q', `${rates.dns}`]
  // perfdhcp sends as a relay agent with the client's address, and waits 0.5 s for late replies.
  const exchanges = [
    ...['perfdhcp', '-4', '-l', 'eth0', '-M', macsPath(dir), '-r', `${rates.dhcp}`, '-p', `${seconds}`],
    ...['-W', '500000', '-g', 'single', '-x', 't', serverAddress],
  ]
  const [dnsText, dhcpText] = await Promise.all([
    output(network.onClient(0, ...queries, '-l', `${seconds}`)),
    // The exit code is ignored: it only shows whether all exchanges were completed.
    run(network.onClient(1, ...exchanges)).then(({ stdout }) => stdout),
  ])
  const waitedSeconds = (await server.waitedSeconds()) - waitedBefore
  await downloading
  const { booted, elapsed } = await booting
  console.log(`         ${booted} of ${bootingNodes} nodes booted in ${formatFigure(elapsed)} s`)
  const { sent, lost } = parseDnsperf(dnsText)
  const { started, completed } = parsePerfdhcp(dhcpText)
  return [
    {
      name: 'DHCP',
      ...distribution(parsePerfdhcpDelays(dhcpText)),
      lostPercent: 100 * (1 - completed / started),
      waitedSeconds,
    },
    {
      name: 'DNS',
      ...distribution(parseDnsperfDelays(dnsText)),
      lostPercent: (100 * lost) / sent,
      waitedSeconds,
    },
  ]
}

function boot(network: Network, files: Files, nodes: typeof rackNodes) {
  return runClient(network, files, { steps: 'boot', nodes, maxBytes }, lowPriority)
}

function distribution(delays: readonly number[]) {
  return { p50: percentile(delays, 50), p99: percentile(delays, 99), max: percentile(delays, 100) }
}

/** Measures all rounds. */
export async function measureLatencies(
  network: Network,
  files: Files,
  rounds: number,
): Promise<(readonly Delays[])[]> {
  const all: (readonly Delays[])[] = []
  await stormSlipway.prepare?.(files)
  for (let round = 0; round < rounds; round++) {
    const delays = await withRetry(() => measureLatency(network, files))
    all.push(delays)
    for (const { name, p50, p99, lostPercent } of delays) {
      console.log(
        `latency  round ${round + 1}  ${name.padEnd(10)} ${formatFigure(p50)} ms median, ${formatFigure(p99)} ms at the 99th percentile, ${lostPercent.toFixed(2)} % lost`,
      )
    }
  }
  return all
}

async function measureLatency(network: Network, files: Files): Promise<readonly Delays[]> {
  const server = await startServer(network, stormSlipway, dhcp.port, files)
  try {
    await dns.warmUp(network, files)
    await dhcp.warmUp(network, files)
    await boot(network, files, rackNodes.slice(bootingNodes))
    return await latencyUnderLoad(network, files, server)
  } finally {
    await server.stop()
  }
}
