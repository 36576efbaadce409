/**
 * Attacks by undeclared clients, over TCP and with forged UDP packets, on slipway and on other servers. During each
 * attack and after it, a declared node sends DNS, DHCP, TFTP, and HTTP requests; the table shows their delays, the memory
 * of the server above its idle value, and how many packets and connections slipway cut off.
 */
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { output, run } from '../../test/e2e/process.ts'
import { describeMachine, loadAverage } from '../machine.ts'
import { createNetwork, serverAddress, type Network } from '../network.ts'
import { startServer } from '../servers.ts'
import { domain, image, nodes, type Files, type Node } from '../site.ts'
import { amplificationKeys, measureAmplification } from './amplification.ts'
import type { Samples } from './probe.ts'
import { formatRows, medianRow, missedGoals, type Row } from './results.ts'
import { allTargets, targetsOf, type Target } from './targets.ts'
import { tcpAttacks } from './tcp-client.ts'
import { victims } from './forger.ts'
import { udpAttacks, undeclaredAddress, type Flood } from './udp-client.ts'

const usage = `Usage: bench/attacks/run [--only ATTACK]… [--server NAME]… [--rate N] [--seconds N] [--rounds N]

Attacks slipway, and the other servers that offer the attacked protocol. Needs root.

  --only ATTACK   ${[...amplificationKeys, ...Object.keys(tcpAttacks), ...Object.keys(udpAttacks)].join(', ')}
  --server NAME   ${allTargets.map(({ server }) => server.name).join(', ')}
  --rate N        UDP packets per second (default: 5000)
  --seconds N     duration of each attack (default: 6)
  --rounds N      number of rounds (default: 1); the row of an attack is that of its median round

The exit code is 1 if slipway missed a goal.`

const workDir = join(import.meta.dirname, '../.work/attacks')
/** Undeclared addresses of the attacker over TCP, in the subnet of the site. */
const attackers = Array.from({ length: 64 }, (_, index) => `172.16.6.${index + 1}`)
const [node] = nodes as [Node]
/** Requests of the node before the attack, and after it: a recovery that takes longer is reported with this value. */
const beforeSeconds = 1
const afterSeconds = 4
/** The victims outside of the site are behind it. */
const victimRouter = '172.16.7.243'
const controlSocket = join(workDir, 'control.sock')

process.exitCode = await main()

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      server: { type: 'string', multiple: true },
      rate: { type: 'string', default: '5000' },
      seconds: { type: 'string', default: '6' },
      rounds: { type: 'string', default: '1' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const isWanted = (attack: string) => values.only?.includes(attack) ?? true
  const files = await createFiles()
  for (const { server } of allTargets) await server.prepare?.(files)
  const network = await createNetwork()
  const interrupt = (): void => void network.close().finally(() => process.exit(130))
  process.once('SIGINT', interrupt)
  process.once('SIGTERM', interrupt)
  try {
    await prepareClients(network)
    console.log([...(await describeMachine()), `load average before the run: ${loadAverage()}`].join('\n'))
    const rows: Row[] = []
    for (const attack of [...Object.keys(tcpAttacks), ...Object.keys(udpAttacks)].filter(isWanted)) {
      for (const target of targetsOf(attack)) {
        if (values.server?.includes(target.server.name) === false) continue
        const options = { attack, target, seconds: Number(values.seconds), rate: values.rate }
        const rounds: Row[] = []
        for (let round = 0; round < Number(values.rounds); round++) {
          rounds.push(await measure(network, files, options))
        }
        rows.push(medianRow(rounds))
      }
    }
    if (rows.length > 0) console.log(`\n${formatRows(rows)}\n`)
    const amplification = amplificationKeys.some(isWanted)
      ? await measureAmplification(network, files, isWanted)
      : undefined
    if (amplification !== undefined) console.log(`\n${amplification.table}\n`)
    const missed = rows
      .filter(({ server }) => server === 'slipway')
      .flatMap((row) => missedGoals(row).map((goal) => `slipway missed a goal during ${row.attack}: ${goal}`))
    const allMissed = [...missed, ...(amplification?.missed ?? [])]
    for (const line of allMissed) console.log(line)
    return allMissed.length === 0 ? 0 : 1
  } finally {
    await network.close()
  }
}

/** Client 0 is the node, client 1 attacks over TCP, and client 2 with forged packets. */
async function prepareClients(network: Network): Promise<void> {
  const on = (client: 0 | 1 | 2 | 3, ...command: string[]) => output(network.onClient(client, ...command))
  const address = (each: string) => ['ip', 'addr', 'add', `${each}/21`, 'dev', 'eth0']
  await on(0, ...address(node.address))
  // The node has the declared MAC address.
  await on(0, 'ip', 'link', 'set', 'eth0', 'address', node.mac)
  for (const each of attackers) await on(1, ...address(each))
  // Sends from any address (AnyIP), and answers no ARP request for it.
  const link = await output(network.onServer('cat', '/sys/class/net/br0/address'))
  await on(
    2,
    'ip',
    'neigh',
    'replace',
    serverAddress,
    'lladdr',
    link.trim(),
    'dev',
    'eth0',
    'nud',
    'permanent',
  )
  for (const prefix of ['172.16.1.0/24', '172.16.5.0/24', ...victims])
    await on(2, 'ip', 'route', 'add', 'local', prefix, 'dev', 'eth0')
  await on(2, 'sysctl', '-qw', 'net.ipv4.conf.all.arp_ignore=8')
  await on(2, ...address(undeclaredAddress))
  for (const each of [...victims, victimRouter]) await on(3, ...address(each))
  // Victims outside the site are behind a router.
  await output(network.onServer('ip', 'route', 'add', '10.0.0.0/8', 'via', victimRouter))
  // For broadcasts of servers that use the wildcard address.
  await output(network.onServer('ip', 'route', 'add', '255.255.255.255', 'dev', 'br0'))
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
  await writeFile(join(files.tftpRoot, 'small.txt'), 'a file of one block\n')
  await writeFile(join(files.tftpRoot, 'large.efi'), Buffer.alloc(8 * 1024 * 1024, 'x'))
  return files
}

type Options = {
  readonly attack: string
  readonly target: Target
  readonly seconds: number
  readonly rate: string
}

async function measure(
  network: Network,
  files: Files,
  { attack, target, seconds, rate }: Options,
): Promise<Row> {
  const server = await startServer(network, target.server, target.port, files)
  try {
    const pids = await network.serverPids()
    await probe(network, target, 2)
    const idle = await residentMiB(pids)
    let peak = idle
    const sampling = setInterval(
      () => void residentMiB(pids).then((mib) => (peak = Math.max(peak, mib))),
      100,
    )
    const [samples, flood] = await Promise.all([
      probe(network, target, beforeSeconds + seconds + afterSeconds),
      sleep(beforeSeconds * 1000).then(() => output(attackCommand(network, attack, seconds, rate))),
    ])
    clearInterval(sampling)
    return {
      ...{
        attack,
        server: target.server.name,
        flood: JSON.parse(flood) as Flood,
        samples,
        memoryMiB: peak - idle,
      },
      ...(target.server.name === 'slipway' && { refused: await refusals(network) }),
    }
  } finally {
    await server.stop()
  }
}

function attackCommand(network: Network, attack: string, seconds: number, rate: string): string[] {
  const about = [attack, String(seconds)]
  return attack in udpAttacks
    ? program(network, 2, 'udp-client', ...about, rate, serverAddress, `${node.name}.${domain}`)
    : program(network, 1, 'tcp-client', ...about, serverAddress, image, controlSocket, ...attackers)
}

/** Returns the command line of a program of this directory. */
function program(network: Network, client: 0 | 1 | 2, name: string, ...arguments_: string[]): string[] {
  return network.onClient(client, process.execPath, join(import.meta.dirname, `${name}.ts`), ...arguments_)
}

async function probe(network: Network, { protocols }: Target, seconds: number): Promise<Samples> {
  const names = [`${node.name}.${domain}`, 'small.txt', image]
  const about = [String(seconds), node.address, node.mac, serverAddress, ...names, ...protocols]
  return JSON.parse(await output(program(network, 0, 'probe', ...about))) as Samples
}

async function residentMiB(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
    }),
  )
  return sizes.reduce((sum, each) => sum + each, 0)
}

/** Returns the sum of all refusals, from the metrics. */
async function refusals(network: Network): Promise<number> {
  const text = (await run(network.onServer('curl', '-s', '-m', '5', `http://${serverAddress}/metrics`)))
    .stdout
  const values = [...text.matchAll(/^slipway_refusals_total\{.*\} (\d+)$/gm)].map(([, value]) =>
    Number(value),
  )
  return values.reduce((sum, each) => sum + each, 0)
}
