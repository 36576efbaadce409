/** One of two appliances: a real `slipway serve` with its own state, address, and boot ID of the kernel. */
import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { askControl } from '../../src/cli/client.ts'
import type { NodeDetails } from '../../src/install/reports.ts'
import { loadSite } from '../../src/site/load.ts'
import { writeLoader, writePlaceholders } from '../../src/demo/demo-site.ts'
import { start, type Running } from '../e2e/process.ts'
import { slipway } from '../e2e/server.ts'
import type { Ports } from './ports.ts'

export type Appliance = {
  readonly name: string
  /** `http://127.0.10.1:20080` */
  readonly url: string
  readonly address: string
  /** Ports of DHCP: of this appliance, and of its clients. */
  readonly dhcp: { readonly server: number; readonly client: number }
  /** Starts it, or starts it again after it was killed. */
  start(): void
  process(): Running
  /** Resolves when the process serves. @throws when it does not within the limit */
  ready(limitMs?: number): Promise<void>
  node(key: string): Promise<NodeDetails>
}

export type ApplianceOptions = {
  readonly dir: string
  readonly ports: Ports
  readonly name: string
  readonly address: string
  readonly peers: readonly string[]
  /** Number of workers that the site declares. */
  readonly nodes: number
  /** Absent: this appliance decides alone. */
  readonly etcd?: object
}

export const cluster = 'ocp'

export function nodeAddress(index: number): string {
  return `127.0.${100 + Math.floor(index / 200)}.${1 + (index % 200)}`
}

export function macOf(index: number): string {
  return `02:00:00:00:${hex(index >> 8)}:${hex(index & 0xff)}`
}

export async function createAppliance(options: ApplianceOptions): Promise<Appliance> {
  const { dir, ports, name, address, etcd } = options
  const home = join(dir, name)
  await mkdir(home, { recursive: true })
  const [dhcp, dhcpClient, tftp] = [await ports.next(), await ports.next(), await ports.next()]
  const [http, dns] = [await ports.next(), await ports.next()]
  const site = {
    site: 'schedules',
    server: { address, peers: options.peers, ports: { dhcp, dhcpClient, tftp, http, dns } },
    subnets: [{ cidr: '127.0.0.0/16' }],
    dns: { forward: [], clients: ['127.0.0.0/8'] },
    tftp: { loaders: { bios: join(dir, 'undionly.kpxe'), x64: join(dir, 'snponly.efi') } },
    images: { rhcos: { dir: join(dir, 'images') } },
    ...(etcd !== undefined && { store: { etcd } }),
    clusters: [
      {
        name: cluster,
        domain: 'example.net',
        image: 'rhcos',
        ignition: join(dir, 'ignition'),
        disk: '/dev/sda',
        order: false,
        requireDhcp: false,
        loadBalancer: { api: '127.0.10.10', ingress: '127.0.10.10' },
        nodes: [
          { name: 'm1', role: 'master', mac: '02:00:00:00:ff:01', address: '127.0.10.21' },
          ...Array.from({ length: options.nodes }, (_, index) => ({
            name: `w${index}`,
            role: 'worker',
            mac: macOf(index),
            address: nodeAddress(index),
          })),
        ],
      },
    ],
  }
  const sitePath = join(home, 'site.json')
  const text = JSON.stringify(site, null, 1)
  await writeFile(sitePath, text)
  const loaded = loadSite(text, sitePath)
  if (loaded.kind !== 'site') throw new Error(loaded.problems.map(({ message }) => message).join('\n'))
  await writePlaceholders(loaded.site)
  await writeLoader('bios/undionly.kpxe', join(dir, 'undionly.kpxe'))
  await writeLoader('efi/snponly.efi', join(dir, 'snponly.efi'))

  // Moments of two appliances have different epochs, as on two machines.
  const bootId = join(home, 'boot_id')
  await writeFile(bootId, `${randomUUID()}\n`)
  const withBootId = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
  const control = join(home, 'control.sock')
  const command = [
    ...['unshare', '-m', 'sh', '-c', withBootId, bootId],
    ...slipway('serve', '--state', join(home, 'state'), '--control', control, sitePath),
  ]
  const startOne = (): Running =>
    start(command, {
      logFile: join(home, 'last.log'),
      onLine: (line) => void appendFile(join(home, 'slipway.log'), `${line}\n`),
    })
  let running: Running | undefined
  const ask = <T>(path: string) => askControl<T>(control, path, 'GET', 5000)
  return {
    name,
    address,
    url: `http://${address}:${http}`,
    dhcp: { server: dhcp, client: dhcpClient },
    start: () => void (running = startOne()),
    process: () => running as Running,
    async ready(limitMs = 60_000) {
      const end = performance.now() + limitMs
      for (;;) {
        try {
          await ask('/v1/state')
          return
        } catch (error) {
          if (performance.now() > end) throw error
          await sleep(100)
        }
      }
    },
    node: (key) => ask(`/v1/nodes/${key}`),
  }
}

function hex(octet: number): string {
  return octet.toString(16).padStart(2, '0')
}
