/**
 * Attacks over TCP by undeclared clients. During each attack, a declared node sends DNS queries and HTTP requests; the
 * table shows their delays and losses, the memory of slipway above its idle value, and the connections it refused.
 */
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { output, run } from '../../test/e2e/process.ts'
import { createNetwork, serverAddress, type Network } from '../network.ts'
import { startServer } from '../servers.ts'
import { image, nodes, writeSite, type Files, type Node } from '../site.ts'
import { slipway } from '../slipway.ts'
import { attacks } from './tcp-client.ts'
import type { Probed } from './probe.ts'

const workDir = join(import.meta.dirname, '../.work/attacks')
const seconds = 8
/** Undeclared addresses of the attacker, in the subnet of the site. */
const attackers = Array.from({ length: 64 }, (_, index) => `172.16.6.${index + 1}`)
const [node] = nodes as [Node]

type Row = {
  readonly attack: string
  readonly during: Probed
  readonly after: Probed
  readonly memoryMiB: number
  readonly refused: number
}

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { only: { type: 'string', multiple: true }, help: { type: 'boolean', default: false } },
  })
  if (values.help) {
    console.log(`Usage: bench/attacks/run [--only ATTACK]…\n\nAttacks: ${Object.keys(attacks).join(', ')}`)
    return 0
  }
  const files = await createFiles()
  const network = await createNetwork()
  try {
    for (const address of attackers) await addAddress(network, 1, address)
    await addAddress(network, 0, node.address)
    // The node has the declared MAC address.
    await output(network.onClient(0, 'ip', 'link', 'set', 'eth0', 'address', node.mac))
    const rows: Row[] = []
    for (const attack of Object.keys(attacks)) {
      if (values.only !== undefined && !values.only.includes(attack)) continue
      rows.push(await measure(network, files, attack))
    }
    console.log(table(rows))
    return 0
  } finally {
    await network.close()
  }
}

async function addAddress(network: Network, client: 0 | 1, address: string): Promise<void> {
  await output(network.onClient(client, 'ip', 'addr', 'add', `${address}/21`, 'dev', 'eth0'))
}

async function createFiles(): Promise<Files> {
  const files = {
    dir: workDir,
    tftpRoot: join(workDir, 'tftp'),
    web: join(workDir, 'web'),
    images: join(workDir, 'web/images'),
  }
  await rm(workDir, { recursive: true, force: true })
  for (const dir of [files.tftpRoot, files.images]) await mkdir(dir, { recursive: true })
  for (const [name, size] of Object.entries({
    'live-kernel-x86_64': 20,
    'live-initramfs.x86_64.img': 100,
    'live-rootfs.x86_64.img': 4096,
  })) {
    const path = join(files.images, `rhcos-${name}`)
    await writeFile(path, '')
    await truncate(path, size * 1024 * 1024)
  }
  await writeSite(files)
  return files
}

async function measure(network: Network, files: Files, attack: string): Promise<Row> {
  const server = await startServer(network, slipway, { transport: 'tcp', number: 80 }, files)
  try {
    const [pid] = await network.serverPids()
    await probe(network, 2)
    const idle = await residentMiB(pid)
    let peak = idle
    const sampling = setInterval(() => void residentMiB(pid).then((mib) => (peak = Math.max(peak, mib))), 100)
    const client = join(import.meta.dirname, 'tcp-client.ts')
    const socket = '/run/slipway/control.sock'
    const arguments_ = [attack, String(seconds), serverAddress, image, socket, ...attackers]
    const attacking = run(network.onClient(1, process.execPath, client, ...arguments_))
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const during = await probe(network, seconds - 2)
    await attacking
    const after = await probe(network, 1)
    clearInterval(sampling)
    const refused = await refusals(network)
    return { attack, during, after, memoryMiB: peak - idle, refused }
  } finally {
    await server.stop()
  }
}

async function probe(network: Network, duration: number): Promise<Probed> {
  const program = join(import.meta.dirname, 'probe.ts')
  const text = await output(
    network.onClient(
      0,
      process.execPath,
      program,
      String(duration),
      node.address,
      serverAddress,
      node.name,
      image,
    ),
  )
  return JSON.parse(text) as Probed
}

async function residentMiB(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
}

async function refusals(network: Network): Promise<number> {
  const request = `fetch('http://${serverAddress}/health').then((r) => r.json()).then(({ counters: c }) => console.log((c['http.connectionsRefused'] ?? 0) + (c['http.connectionsReplaced'] ?? 0) + (c['http.readersClosed'] ?? 0) + (c['dns.tcpRefused'] ?? 0) + (c['dns.tcpReplaced'] ?? 0)))`
  return Number(await output(network.onServer(process.execPath, '--eval', request)))
}

function table(rows: readonly Row[]): string {
  const ms = (value: number) => value.toFixed(1)
  return [
    '| attack | DNS p50 / p99 / max, ms | DNS lost | HTTP max, ms | HTTP failed | DNS max after, ms | memory above idle, MiB | connections closed |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(({ attack, during: { dns, http }, after, memoryMiB, refused }) =>
      [
        ['', attack, `${ms(dns.p50)} / ${ms(dns.p99)} / ${ms(dns.max)}`, `${dns.lost} of ${dns.sent}`],
        [
          ms(http.max),
          `${http.lost} of ${http.sent}`,
          ms(after.dns.max),
          memoryMiB.toFixed(0),
          String(refused),
          '',
        ],
      ]
        .flat()
        .join(' | ')
        .trim(),
    ),
  ].join('\n')
}
