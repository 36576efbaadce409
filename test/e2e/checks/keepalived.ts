/**
 * Two machines that share the addresses of a load balancer: keepalived and HAProxy on both, with configurations that
 * `slipway render` writes from one site file for each. A client sends requests continuously. The outage that it sees must
 * not exceed the rendered intervals.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, Unexpected } from '../expect.ts'
import type { Running } from '../process.ts'
import { remote, type Remote } from '../remote-calls.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'
import { certificate } from '../control-plane.ts'
import type { ClientCalls, Collected } from '../stubs/clients.ts'
import { waitUntil } from './client.ts'

const machines = { first: '172.16.0.104', second: '172.16.0.105' } as const
type Machine = keyof typeof machines

const shared = ['172.16.0.120', '172.16.0.121'] as const
const master = '172.16.0.51'
const user = '172.16.0.207'

/** As rendered: two failures of a script that runs every 2 s; three missing adverts. */
const scriptMs = 2 * 2000
const advertMs = 3 * 1000
/** Skew time (RFC 5798 §6.1) for priorities of about 100: the wait after an advert with priority 0. */
const skewMs = 610
/** For the processes, and until the client notices. */
const slackMs = 1000

const siteText = (own: string): string => `
site: pair
server: { interface: srv0, address: ${own}, peers: [${Object.values(machines).join(', ')}], installer: ${own} }
subnets: [{ cidr: 172.16.0.0/24 }]
images: { rhcos-4.17: { dir: images } }
haproxy: { file: haproxy.cfg, socket: admin.sock }
keepalived: {}
clusters:
  - name: pair
    domain: example.localdomain
    image: rhcos-4.17
    ignition: ignition
    disk: /dev/vda
    loadBalancer: { api: ${shared[1]}, apiInternal: ${shared[0]}, ingress: ${shared[1]} }
    nodes:
      - { name: m1, role: master, mac: "52:54:00:00:00:51", address: ${master} }
`

type Daemons = {
  haproxy: Running
  readonly keepalived: Running
  /** The last state in the log of keepalived: `MASTER`, `BACKUP`, or `FAULT`. */
  readonly state: () => string
}

/** The clients and daemons; started by the first check. */
type Pair = { readonly clients: Remote<ClientCalls>; readonly daemons: Record<Machine, Daemons> }
const pairs = new WeakMap<Rig, Pair>()

export const keepalivedChecks: readonly Check[] = [
  {
    name: 'keepalived: two machines start with the rendered configurations, and one has the shared addresses',
    limitMs: 60_000,
    async run(rig) {
      const clients = await prepare(rig)
      const daemons = { first: await startDaemons(rig, 'first'), second: await startDaemons(rig, 'second') }
      pairs.set(rig, { clients, daemons })
      const owner = await untilOwned(rig)
      const authority = (await certificate(rig))[1]
      const target = { address: shared[1], port: 6443, path: '/readyz', name: 'stub', authority }
      await clients.start('long time-out', { ...target, from: [user] })
      await clients.start('short time-out', { ...target, from: [user], timeoutMs: 500, pauseMs: 20 })
      await waitUntil(
        'the first response',
        async () => Object.keys((await clients.collect()).tallies['long time-out']?.answers ?? {}).length > 0,
      )
      return owner
    },
  },
  {
    name: 'keepalived: the other machine takes over when HAProxy is killed',
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const owner = await untilOwned(rig)
      await clients.collect()
      daemons[owner].haproxy.signal('SIGKILL')
      return takeover(rig, owner, scriptMs + skewMs + slackMs)
    },
  },
  {
    name: 'keepalived: the addresses stay when the killed HAProxy runs again',
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const other = daemons.first.haproxy.isRunning() ? 'second' : 'first'
      const owner = otherThan(other)
      await clients.collect()
      const since = Date.now()
      daemons[other].haproxy = startHaproxy(rig, other, 2)
      // After two successes of its script, it could preempt.
      await untilOwned(rig)
      await sleep(advertMs + skewMs)
      expectEqual(await untilOwned(rig), owner, 'owner of the addresses')
      return expectNoFailures(await clients.collect(), since)
    },
  },
  {
    name: 'keepalived: the other machine takes over after a power failure',
    limitMs: 60_000,
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const owner = await untilOwned(rig)
      await clients.collect()
      await powerOff(rig, owner, daemons[owner])
      const note = await takeover(rig, owner, advertMs + skewMs + slackMs)
      const since = Date.now()
      // A machine that restarts does not have the shared addresses.
      for (const address of shared)
        await rig.run(owner, ['ip', 'addr', 'del', `${address}/24`, 'dev', 'srv0'])
      await rig.run('bridge', ['ip', 'link', 'set', `to-${owner}`, 'up'])
      daemons[owner] = await startDaemons(rig, owner, 3)
      await untilOwned(rig)
      await sleep(advertMs + skewMs)
      expectEqual(await untilOwned(rig), otherThan(owner), 'owner of the addresses after the restart')
      expectNoFailures(await clients.collect(), since)
      return note
    },
  },
  {
    name: 'keepalived: the other machine takes over immediately when keepalived is stopped',
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const owner = await untilOwned(rig)
      await clients.collect()
      await daemons[owner].keepalived.stop()
      const note = await takeover(rig, owner, skewMs + slackMs)
      await clients.stop('long time-out')
      await clients.stop('short time-out')
      return note
    },
  },
]

function pairOf(rig: Rig): Pair {
  const pair = pairs.get(rig)
  if (pair === undefined) throw new Unexpected('the two machines were not started')
  return pair
}

const otherThan = (machine: Machine): Machine => (machine === 'first' ? 'second' : 'first')

async function prepare(rig: Rig): Promise<Remote<ClientCalls>> {
  for (const [namespace, device, address] of [
    ['first', 'srv0', machines.first],
    ['second', 'srv0', machines.second],
    ['cluster', 'mach0', master],
    ['user', 'usr0', user],
  ] as const) {
    await rig.run(namespace, ['ip', 'addr', 'add', `${address}/24`, 'dev', device])
  }
  const own = await certificate(rig)
  rig.start('cluster', 'pair-master', [process.execPath, stub('back-ends'), ...own, `m1:master:${master}`])
  const path = join(rig.dir, 'pair-clients.sock')
  rig.start('user', 'pair-clients', [process.execPath, stub('clients'), path])
  const clients = remote<ClientCalls>(path)
  await waitUntil('the clients to be reachable', () =>
    clients.collect().then(
      () => true,
      () => false,
    ),
  )
  return clients
}

const at = (rig: Rig, machine: Machine, file: string): string => join(rig.dir, machine, file)

/** @param start number of the start of the machine, for the names of its logs */
async function startDaemons(rig: Rig, machine: Machine, start = 1): Promise<Daemons> {
  await mkdir(at(rig, machine, ''), { recursive: true })
  const site = at(rig, machine, 'site.yaml')
  await writeFile(site, siteText(machines[machine]))
  for (const [format, file] of [
    ['haproxy', 'haproxy.cfg'],
    ['keepalived', 'keepalived.conf'],
  ] as const) {
    const { status, stdout, stderr } = await rig.run(machine, slipway('render', site, format))
    expectEqual(status, 0, `slipway render ${format} (${stderr})`)
    await writeFile(at(rig, machine, file), `${stdout}\n`, { mode: 0o600 })
  }
  const haproxy = startHaproxy(rig, machine, start)
  const command = [
    ...['keepalived', '--dont-fork', '--log-console', '--log-detail', '--no-syslog', '--vrrp'],
    ...['--use-file', at(rig, machine, 'keepalived.conf')],
    ...['--pid', at(rig, machine, 'keepalived.pid'), '--vrrp_pid', at(rig, machine, 'vrrp.pid')],
  ]
  let state = ''
  const keepalived = rig.start(
    machine,
    `keepalived-${machine}-${start}`,
    ['sh', '-c', 'exec "$@" 2>&1', 'sh', ...command],
    (line) => {
      state = /Entering (\w+) STATE/.exec(line)?.[1] ?? state
    },
  )
  return { haproxy, keepalived, state: () => state }
}

function startHaproxy(rig: Rig, machine: Machine, start: number): Running {
  return rig.start(machine, `haproxy-${machine}-${start}`, [
    'haproxy',
    '-db',
    '-f',
    at(rig, machine, 'haproxy.cfg'),
  ])
}

/** Simulates a power failure: the link goes down before the processes end, so they cannot notify the other machine. */
async function powerOff(rig: Rig, machine: Machine, { haproxy, keepalived }: Daemons): Promise<void> {
  const vrrp = Number(await readFile(at(rig, machine, 'vrrp.pid'), 'utf8'))
  keepalived.signal('SIGSTOP')
  process.kill(vrrp, 'SIGKILL')
  await rig.run('bridge', ['ip', 'link', 'set', `to-${machine}`, 'down'])
  keepalived.signal('SIGKILL')
  haproxy.signal('SIGKILL')
}

async function addressesOf(rig: Rig, machine: Machine): Promise<string> {
  const { stdout } = await rig.run(machine, ['ip', '-4', '-o', 'addr', 'show', 'dev', 'srv0'])
  return shared.filter((address) => stdout.includes(` ${address}/24 `)).join()
}

/** Returns the machine that has all shared addresses, once the other has none and is in the state BACKUP. */
async function untilOwned(rig: Rig): Promise<Machine> {
  const { daemons } = pairOf(rig)
  let last = ''
  const isOne = async (): Promise<boolean> => {
    const held = { first: await addressesOf(rig, 'first'), second: await addressesOf(rig, 'second') }
    last = (['first', 'second'] as const)
      .map((machine) => `${machine} ${daemons[machine].state()} ${held[machine]}`.trim())
      .join('; ')
    return owners.has(last)
  }
  // A machine whose script fails before HAProxy responds starts in the state FAULT.
  await waitUntil('one machine to have the addresses', isOne, 20_000).catch((error: unknown) => {
    throw new Unexpected(`${(error as Error).message}; ${last}`)
  })
  return owners.get(last) ?? 'first'
}

const owners: ReadonlyMap<string, Machine> = new Map([
  [`first MASTER ${shared.join()}; second BACKUP`, 'first'],
  [`first BACKUP; second MASTER ${shared.join()}`, 'second'],
])

/** @returns a description of the outage */
async function takeover(rig: Rig, from: Machine, boundMs: number): Promise<string> {
  const { clients } = pairOf(rig)
  const startedAt = Date.now()
  const to = otherThan(from)
  await waitUntil(
    `${to} to have the addresses`,
    async () => (await addressesOf(rig, to)) === shared.join(),
    boundMs + 3000,
  )
  await sleep(1000)
  const { tallies, delayMs } = await clients.collect()
  const tally = tallies['short time-out']
  expect(tally !== undefined && tally.failures.length > 0, 'no request failed, so there was no takeover')
  const start = Math.min(...tally.failures.map(({ at }) => at))
  const end = Math.max(...tally.failures.map(({ at, afterMs }) => at + afterMs))
  const outageMs = end - start
  const maxMs = boundMs + delayMs
  expect(end - startedAt < maxMs, `an outage of ${outageMs} ms, expected at most ${maxMs} ms`)
  return `${tally.failures.length} of ${tally.requests} requests failed within ${outageMs} ms, limit ${maxMs} ms`
}

/** @param since earlier requests are not counted, because they may have been in flight during the failure */
function expectNoFailures({ tallies }: Collected, since: number): string {
  const { requests = 0, failures: all = [] } = tallies['long time-out'] ?? {}
  const failures = all.filter(({ at }) => at >= since)
  expectEqual(
    failures.length,
    0,
    `failures of ${requests} requests (${JSON.stringify(failures.slice(0, 3))})`,
  )
  return `${requests} requests, none failed`
}
