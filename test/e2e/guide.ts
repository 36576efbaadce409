/**
 * The guide's cluster on the second network: `slipway serve` and a real HAProxy on the appliance, simulated machines of
 * the cluster, and clients that send requests continuously. The first check that needs it creates it for all checks.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { askControl } from '../../src/cli/client.ts'
import type { PendingCsrs } from '../../src/cluster/csr/approver.ts'
import type { BalancerState } from '../../src/serve/haproxy/balancer.ts'
import { waitUntil } from './checks/client.ts'
import { Unexpected } from './expect.ts'
import { guide, guideSite, type GuideChanges } from './guide-site.ts'
import { output, type Running } from './process.ts'
import { remote, type Remote } from './remote-calls.ts'
import { stub, type Rig } from './rig.ts'
import { controlSocket, slipway, startServer, type Server } from './server.ts'
import { reloadCommand } from './site.ts'
import type { ClientCalls } from './stubs/clients.ts'
import type { ClusterCalls } from './stubs/cluster.ts'

export type Condition = {
  readonly counters: Readonly<Record<string, number>>
  readonly haproxy: BalancerState
  readonly bootstraps: Readonly<Record<string, { readonly kind: string; readonly reason: string }>>
}

export type Guide = {
  readonly server: Server
  readonly cluster: Remote<ClusterCalls>
  readonly clients: Remote<ClientCalls>
  readonly haproxy: Running
  readonly haproxyFile: string
  /** The stats socket of HAProxy. */
  readonly haproxySocket: string
  readonly dir: string
  readonly sitePath: string
  /** The socket of the local API. */
  readonly controlSocket: string
  /** File of the CA certificate of the cluster. */
  readonly authority: string
  write(changes?: GuideChanges): Promise<void>
  /** Returns the current text of the site file. */
  text(): Promise<string>
  /** Writes the site file and waits until slipway has reloaded it. */
  reload(changes?: GuideChanges): Promise<void>
  /** Returns how often the reload command of the site was run. */
  reloads(): Promise<number>
  condition(): Promise<Condition>
  csrs(): Promise<PendingCsrs>
  /** Runs a slipway command against the running server and returns its output. */
  control(...args: string[]): Promise<string>
}

const guides = new WeakMap<Rig, Promise<Guide>>()

export function guideOf(rig: Rig): Promise<Guide> {
  const guide = guides.get(rig) ?? createGuide(rig)
  guides.set(rig, guide)
  return guide
}

async function createGuide(rig: Rig): Promise<Guide> {
  const dir = join(rig.dir, 'guide')
  const at = (name: string): string => join(dir, name)
  await mkdir(at('install'), { recursive: true })
  await addAddresses(rig)

  const cluster = remote<ClusterCalls>(at('cluster.sock'))
  const clients = remote<ClientCalls>(at('clients.sock'))
  rig.start('cluster', 'guide-cluster', [
    ...[process.execPath, stub('cluster'), at('cluster.sock'), at('install'), guide.domain],
  ])
  rig.start('user', 'guide-clients', [process.execPath, stub('clients'), at('clients.sock')])
  for (const role of ['bootstrap', 'master', 'worker']) {
    await writeFile(at(`install/${role}.ign`), JSON.stringify({ ignition: { version: '3.2.0' } }))
  }
  await untilReachable(cluster.requests)
  // Before the first health check of HAProxy, so that the bootstrap is not down for the first ten seconds.
  await cluster.start({ address: guide.bootstrap, serves: 'control plane' })
  await untilReachable(clients.collect)

  const pidFile = at('haproxy.pid')
  const journal = at('haproxy.reloads')
  const haproxyFile = at('haproxy.cfg')
  const files = {
    imagesDir: rig.payload.imagesDir,
    installDir: at('install'),
    haproxy: { file: 'haproxy.cfg', socket: 'admin.sock', reload: reloadCommand(pidFile, journal) },
  }
  const sitePath = at('site.yaml')
  const write = async (changes?: GuideChanges): Promise<void> =>
    writeFile(sitePath, await guideSite(files, changes))
  await write()
  await writeFile(at('resolv.conf'), `nameserver ${guide.appliance}\n`)
  const server = await startServer(rig.network, sitePath, join(rig.dir, 'slipway-guide.log'), {
    namespace: 'appliance',
    resolver: at('resolv.conf'),
  })
  await server.waitFor('HAProxy configuration written', ({ msg }) => msg === 'HAProxy configuration written')
  const haproxy = rig.start('appliance', 'haproxy-guide', [
    ...['haproxy', '-W', '-db', '-p', pidFile, '-f', haproxyFile],
  ])
  const control = controlSocket(sitePath)
  const condition = (): Promise<Condition> => askControl<Condition>(control, '/v1/status')
  return {
    server,
    cluster,
    clients,
    haproxy,
    haproxyFile,
    dir,
    sitePath,
    write,
    condition,
    controlSocket: control,
    haproxySocket: at('admin.sock'),
    authority: at('install/ca.crt'),
    text: () => readFile(sitePath, 'utf8'),
    async reload(changes) {
      const since = server.lines.length
      await write(changes)
      server.process.signal('SIGHUP')
      const isReloaded = ({ msg }: { msg: string }): boolean => msg === 'site reloaded'
      await server.waitFor('"site reloaded"', isReloaded, { since, limitMs: 20_000 })
    },
    reloads: async () => (await readFile(journal, 'utf8').catch(() => '')).split('\n').length - 1,
    async csrs() {
      const [first] = await askControl<PendingCsrs[]>(control, '/v1/csrs')
      if (first === undefined)
        throw new Unexpected('no cluster of the site has its certificate requests approved')
      return first
    },
    control: (...args) => output(rig.network.inside('appliance', ...slipway(...args, '--control', control))),
  }
}

/** Adds the addresses of all nodes, including those on which nothing listens yet. */
async function addAddresses(rig: Rig): Promise<void> {
  const { appliance, api, apiInternal, bootstrap, masters, workers, infra, users } = guide
  const all = [
    ...[appliance, api, apiInternal].map((address) => ['appliance', 'srv0', address] as const),
    ...[bootstrap, ...masters, ...workers, ...infra].map((address) => ['cluster', 'mach0', address] as const),
    ...users.map((address) => ['user', 'usr0', address] as const),
  ]
  for (const [namespace, device, address] of all) {
    await rig.run(namespace, ['ip', 'addr', 'add', `${address}/24`, 'dev', device])
  }
}

async function untilReachable(call: () => Promise<unknown>): Promise<void> {
  const isReachable = (): Promise<boolean> =>
    call().then(
      () => true,
      () => false,
    )
  await waitUntil('a stub to respond', isReachable)
}
