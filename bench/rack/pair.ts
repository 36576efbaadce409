/**
 * Two appliances of one site beside a single one, with links of the same rate: a rack boots, and the appliance that
 * answers the DHCP request of a node also sends its images. The appliances share their records in etcd, with one member on
 * each of them. All servers share one core, which these rates do not fill.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Benchmark, TestedServer } from '../benchmark.ts'
import { onSecondServer, secondAddress, serverAddress } from '../network.ts'
import { freshServeCommand, ownCheckout } from '../slipway.ts'
import { writeSite, type Files } from '../site.ts'
import { relayedNodes, runClient, toMeasurement } from './client.ts'
import { filesOf, slipwayForRack, writeFiles } from './rack.ts'

const key = 'pair'
const linkMegabits = 1000
const count = 60
const measured = relayedNodes(count)
const warmingUp = relayedNodes(10, count)
const declared = [...measured, ...warmingUp]
/**
 * Until then, the members of etcd have a leader, and the appliances know the difference of their clocks, which takes three
 * messages.
 */
const storeMs = 20_000
/** The client sends its DHCP requests to both, also if only one answers. */
const others = [secondAddress]

const own = (files: Files): Files => filesOf(files, key)

/** Both appliances read the same images. */
const first = (files: Files): Files => ({ ...own(files), dir: join(own(files).dir, 'first') })
const second = (files: Files): Files => ({ ...own(files), dir: join(own(files).dir, 'second') })

export const pair: Benchmark = {
  key,
  title: `Rack, ${count} nodes, two appliances with a link of 1 Gbit/s each`,
  unit: 's',
  work: 'node',
  better: 'less',
  port: { transport: 'tcp', number: 80 },
  slipway: twoAppliances(),
  peers: [{ ...slipwayForRack(declared, own), name: 'one appliance' }],
  targets: [],
  prepare: (files) => writeFiles(own(files)),
  async warmUp(network, files) {
    await sleep(storeMs)
    await runClient(network, own(files), { steps: 'boot', nodes: warmingUp, others })
  },
  async measure(network, files) {
    const removeLimit = await network.limitServers(linkMegabits)
    try {
      return toMeasurement(
        await runClient(network, own(files), { steps: 'boot', nodes: measured, others }),
        count,
      )
    } finally {
      await removeLimit()
    }
  },
}

function twoAppliances(): TestedServer {
  const etcdDir = (files: Files) => join(own(files).dir, 'etcd')
  return {
    name: 'slipway',
    async prepare(files) {
      await writeAppliance(first(files), { interface: 'br0', address: serverAddress })
      await writeAppliance(second(files), { interface: 'eth0', address: secondAddress })
    },
    command: (files) => [
      ...['sh', '-c'],
      `rm -rf '${etcdDir(files)}'; ` +
        together([
          etcd(etcdDir(files), 'first'),
          onSecondServer(...etcd(etcdDir(files), 'second')),
          onSecondServer(...freshServeCommand(ownCheckout, second(files).dir)),
          freshServeCommand(ownCheckout, first(files).dir),
        ]),
    ],
  }
}

async function writeAppliance(files: Files, server: { interface: string; address: string }): Promise<void> {
  await mkdir(join(files.dir, 'cache'), { recursive: true })
  await writeSite(files, { declared })
  const path = join(files.dir, 'site.yaml')
  const sections = [
    `server: ${JSON.stringify({ ...server, peers: [serverAddress, secondAddress] })}`,
    'store: { etcd: { endpoints: [http://127.0.0.1:2379] } }',
  ]
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/^server:.*$/m, sections.join('\n')))
}

const members = { first: `http://${serverAddress}:2380`, second: `http://${secondAddress}:2380` }

/** Returns the command of a member, which clients reach on the loopback address of its appliance only. */
function etcd(dir: string, name: keyof typeof members): string[] {
  const client = 'http://127.0.0.1:2379'
  return [
    ...['etcd', '--name', name, '--data-dir', join(dir, name), '--log-level', 'error'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', members[name], '--initial-advertise-peer-urls', members[name]],
    ...[
      '--initial-cluster',
      Object.entries(members)
        .map((each) => each.join('='))
        .join(','),
    ],
  ]
}

/** Returns a shell script that runs all commands until they end. */
function together(commands: readonly (readonly string[])[]): string {
  const quoted = commands.map((command) => command.map((word) => `'${word}'`).join(' '))
  return `${quoted.join(' & ')} & wait`
}
