/**
 * The guide's cluster on the other network, made when the first check asks for it and shared by all that do: `slipway
 * serve` and a real HAProxy on the appliance, the cluster's machines as far as they stand, clients that never stop.
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
import { remote, type Remote } from './remote.ts'
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
  /** Its stats socket. */
  readonly haproxySocket: string
  readonly dir: string
  readonly sitePath: string
  /** Of the local API. */
  readonly controlSocket: string
  /** The certificate by which the cluster is known. */
  readonly authority: string
  write(changes?: GuideChanges): Promise<void>
  /** The site as it was written last. */
  text(): Promise<string>
  /** Writes the site anew, and waits until it is taken over. */
  reload(changes?: GuideChanges): Promise<void>
  /** How often the site's command was run. */
  reloads(): Promise<number>
  condition(): Promise<Condition>
  csrs(): Promise<PendingCsrs>
  /** What a command of slipway's says about the one that runs. */
  control(...words: string[]): Promise<string>
}

const made = new WeakMap<Rig, Promise<Guide>>()

export function guideOf(rig: Rig): Promise<Guide> {
  const guide = made.get(rig) ?? createGuide(rig)
  made.set(rig, guide)
  return guide
}

async function createGuide(rig: Rig): Promise<Guide> {
  const dir = join(rig.dir, 'guide')
  const at = (name: string): string => join(dir, name)
  await mkdir(at('install'), { recursive: true })
  await addAddresses(rig)

  const cluster = remote<ClusterCalls>(at('cluster.sock'))
  const clients = remote<ClientCalls>(at('clients.sock'))
  rig.beside('cluster', 'guide-cluster', [
    ...[process.execPath, stub('cluster'), at('cluster.sock'), at('install'), guide.domain],
  ])
  rig.beside('user', 'guide-clients', [process.execPath, stub('clients'), at('clients.sock')])
  for (const role of ['bootstrap', 'master', 'worker']) {
    await writeFile(at(`install/${role}.ign`), JSON.stringify({ ignition: { version: '3.2.0' } }))
  }
  await answers(cluster.requests)
  // Before HAProxy looks for the first time, so that it need not be found again.
  await cluster.stand({ address: guide.bootstrap, serves: 'control plane' })
  await answers(clients.take)

  const pidFile = at('haproxy.pid')
  const journal = at('haproxy.reloads')
  const haproxyFile = at('haproxy.cfg')
  const files = {
    ...{ imagesDir: rig.payload.imagesDir, installDir: at('install') },
    haproxy: { file: 'haproxy.cfg', socket: 'admin.sock', reload: reloadCommand(pidFile, journal) },
  }
  const sitePath = at('site.yaml')
  const write = async (changes?: GuideChanges): Promise<void> =>
    writeFile(sitePath, await guideSite(files, changes))
  await write()
  await writeFile(at('resolv.conf'), `nameserver ${guide.appliance}\n`)
  const server = await startServer(rig.network, sitePath, join(rig.dir, 'slipway-guide.log'), {
    ...{ place: 'appliance', resolver: at('resolv.conf') },
  })
  await server.waitFor('that HAProxy has its file', ({ msg }) => msg === 'HAProxy configuration written')
  const haproxy = rig.beside('appliance', 'haproxy-guide', [
    ...['haproxy', '-W', '-db', '-p', pidFile, '-f', haproxyFile],
  ])
  const control = controlSocket(sitePath)
  const condition = (): Promise<Condition> => askControl<Condition>(control, '/v1/status')
  return {
    ...{ server, cluster, clients, haproxy, haproxyFile, dir, sitePath, write, condition },
    controlSocket: control,
    haproxySocket: at('admin.sock'),
    authority: at('install/ca.crt'),
    text: () => readFile(sitePath, 'utf8'),
    async reload(changes) {
      const since = server.lines.length
      await write(changes)
      server.process.signal('SIGHUP')
      const isOver = ({ msg }: { msg: string }): boolean => msg === 'site reloaded'
      await server.waitFor('"site reloaded"', isOver, { since, limitMs: 20_000 })
    },
    reloads: async () => (await readFile(journal, 'utf8').catch(() => '')).split('\n').length - 1,
    async csrs() {
      const [first] = await askControl<PendingCsrs[]>(control, '/v1/csrs')
      if (first === undefined) throw new Unexpected('no cluster of the site has its requests approved')
      return first
    },
    control: (...words) =>
      output(rig.network.inside('appliance', ...slipway(...words, '--control', control))),
  }
}

/** Nodes have their addresses whether anything listens there or not. */
async function addAddresses(rig: Rig): Promise<void> {
  const { appliance, api, apiInternal, bootstrap, masters, workers, infra, users } = guide
  const all = [
    ...[appliance, api, apiInternal].map((address) => ['appliance', 'srv0', address] as const),
    ...[bootstrap, ...masters, ...workers, ...infra].map((address) => ['cluster', 'mach0', address] as const),
    ...users.map((address) => ['user', 'usr0', address] as const),
  ]
  for (const [place, device, address] of all) {
    await rig.at(place, ['ip', 'addr', 'add', `${address}/24`, 'dev', device])
  }
}

async function answers(call: () => Promise<unknown>): Promise<void> {
  const doesIt = (): Promise<boolean> =>
    call().then(
      () => true,
      () => false,
    )
  await waitUntil('a stub to answer', doesIt)
}
