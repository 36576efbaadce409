/**
 * TFTP with many clients at once, and with windows (RFC 7440) on a network that loses and reorders packets. The client
 * program drops and delays packets itself, so that each server gets the same losses.
 */
import { randomBytes } from 'node:crypto'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Benchmark, TestedServer } from '../benchmark.ts'
import { serverAddress } from '../network.ts'
import { writeSite, type Files } from '../site.ts'
import { slipway } from '../slipway.ts'
import { atftpd, tftpdHpa } from '../tftp.ts'
import { relayedNodes, runClient, toMeasurement, type ClientOptions } from './client.ts'
import { loader } from './rack.ts'

const clients = 500
const fileKiB = 256
const lossyClients = 20
const lossPercent = 2

const common = {
  unit: 's',
  better: 'less',
  port: { transport: 'udp', number: 69 },
  slipway: inOwnDirectory({
    ...slipway,
    async prepare(files) {
      await slipway.prepare?.(files)
      await writeSite(files, { declared: relayedNodes(clients + lossyClients) })
    },
  }),
} as const

const dnsmasq: TestedServer = {
  name: 'dnsmasq',
  command: ({ tftpRoot }) => [
    ...['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root', '--port=0'],
    ...[`--listen-address=${serverAddress}`, '--bind-interfaces', '--quiet-tftp', '--log-facility=-'],
    ...['--enable-tftp', `--tftp-root=${tftpRoot}`, '--tftp-max=1000'],
  ],
}

const crowd: ClientOptions = {
  steps: 'tftp',
  nodes: relayedNodes(clients),
  tftpFile: 'crowd.efi',
}

export const tftpCrowd: Benchmark = {
  ...common,
  key: 'tftp-500',
  title: `TFTP, ${clients} clients at once, ${fileKiB} KiB each`,
  work: 'MiB',
  peers: [tftpdHpa, atftpd, dnsmasq].map(inOwnDirectory),
  targets: [{ peer: 'atftpd', ratio: 1.25 }],
  async prepare(files) {
    const { tftpRoot } = ownFiles(files)
    await mkdir(tftpRoot, { recursive: true })
    await writeFile(join(tftpRoot, 'crowd.efi'), randomBytes(fileKiB * 1024))
  },
  async warmUp(network, files) {
    // All clients: with fewer, slipway still starts its threads, and compiles its code, while the others are measured.
    await runClient(network, ownFiles(files), crowd)
  },
  async measure(network, files) {
    const result = await runClient(network, ownFiles(files), crowd)
    return { ...toMeasurement(result, clients), done: (clients * fileKiB) / 1024 }
  },
}

const lossy: ClientOptions = {
  steps: 'tftp',
  nodes: relayedNodes(lossyClients, clients),
  tftpFile: 'snponly.efi',
  lossPercent,
  reorderPercent: 2,
}

export const tftpLoss: Benchmark = {
  ...common,
  key: 'tftp-loss',
  title: `TFTP, ${lossyClients} clients with windows of 4, ${lossPercent} % lost in each direction and 2 % reordered`,
  work: 'file',
  peers: [dnsmasq].map(inOwnDirectory),
  targets: [{ peer: 'dnsmasq', ratio: 1 }],
  async prepare(files) {
    const { tftpRoot } = ownFiles(files)
    await mkdir(tftpRoot, { recursive: true })
    await copyFile(loader, join(tftpRoot, 'snponly.efi'))
  },
  async warmUp(network, files) {
    await runClient(network, ownFiles(files), { ...lossy, lossPercent: 0, reorderPercent: 0 })
  },
  async measure(network, files) {
    return toMeasurement(await runClient(network, ownFiles(files), lossy), lossyClients)
  },
}

function ownFiles(files: Files): Files {
  const dir = join(files.dir, 'tftp-clients')
  return { ...files, dir, tftpRoot: join(dir, 'tftp') }
}

/** Returns the server with its files in the directory of these benchmarks. */
function inOwnDirectory(server: TestedServer): TestedServer {
  return {
    name: server.name,
    prepare: async (files) => {
      await mkdir(ownFiles(files).tftpRoot, { recursive: true })
      await server.prepare?.(ownFiles(files))
    },
    command: (files) => server.command(ownFiles(files)),
  }
}
