/**
 * Two machines that share the addresses of a load balancer: real keepalived and HAProxy on both, with what `slipway render`
 * makes of one site file for each. A client never stops asking; how long it is disappointed is bounded by what
 * the rendered intervals promise.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, expectEqual, Unexpected } from '../expect.ts'
import type { Running } from '../process.ts'
import { remote, type Remote } from '../remote.ts'
import { stub, type Rig } from '../rig.ts'
import type { Check } from '../runner.ts'
import { slipway } from '../server.ts'
import { certificate } from '../stand-ins.ts'
import type { ClientCalls, Taken } from '../stubs/clients.ts'
import { waitUntil } from './client.ts'

const machines = { first: '172.16.0.104', second: '172.16.0.105' } as const
type Machine = keyof typeof machines

const shared = ['172.16.0.120', '172.16.0.121'] as const
const master = '172.16.0.51'
const user = '172.16.0.207'

/** As rendered: two failures of a script that runs every two seconds; three adverts that do not come. */
const scriptMs = 2 * 2000
const advertMs = 3 * 1000
/** RFC 5798 §6.1, for priorities of about 100: who is told that nobody has the addresses waits no longer. */
const skewMs = 610
/** For the processes, and the client to see it. */
const slackMs = 1000

const siteText = (own: string): string => `
site: pair
server: { interface: srv0, address: ${own}, peers: [${Object.values(machines).join(', ')}] }
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
  /** What keepalived said that it is: `MASTER`, `BACKUP`, `FAULT`. */
  readonly state: () => string
}

/** What runs where; filled by the first check. */
type Pair = { readonly clients: Remote<ClientCalls>; readonly daemons: Record<Machine, Daemons> }
const pairs = new WeakMap<Rig, Pair>()

export const keepalivedChecks: readonly Check[] = [
  {
    name: 'keepalived: two machines start with what is rendered for them, and one has the shared addresses',
    limitMs: 60_000,
    async run(rig) {
      const clients = await prepare(rig)
      const daemons = { first: await startDaemons(rig, 'first'), second: await startDaemons(rig, 'second') }
      pairs.set(rig, { clients, daemons })
      const owner = await untilOwned(rig)
      const authority = (await certificate(rig))[1]
      const target = { address: shared[1], port: 6443, path: '/readyz', name: 'stub', authority }
      await clients.begin('patient', { ...target, from: [user] })
      await clients.begin('impatient', { ...target, from: [user], patienceMs: 500, betweenMs: 20 })
      await waitUntil(
        'the first answer',
        async () => Object.keys((await clients.take()).tallies['patient']?.answers ?? {}).length > 0,
      )
      return owner
    },
  },
  {
    name: 'keepalived: HAProxy dies, and the other machine takes over',
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const owner = await untilOwned(rig)
      await clients.take()
      daemons[owner].haproxy.signal('SIGKILL')
      return takeover(rig, owner, scriptMs + skewMs + slackMs)
    },
  },
  {
    name: 'keepalived: HAProxy comes back, and the addresses stay where they are',
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const other = daemons.first.haproxy.isRunning() ? 'second' : 'first'
      const owner = otherThan(other)
      await clients.take()
      const since = Date.now()
      daemons[other].haproxy = startHaproxy(rig, other, 2)
      // When its script has succeeded twice, it could preempt.
      await untilOwned(rig)
      await sleep(advertMs + skewMs)
      expectEqual(await untilOwned(rig), owner, 'who has the addresses')
      return quiet(await clients.take(), since)
    },
  },
  {
    name: 'keepalived: a machine loses its power, and the other one takes over',
    limitMs: 60_000,
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const owner = await untilOwned(rig)
      await clients.take()
      await powerOff(rig, owner, daemons[owner])
      const note = await takeover(rig, owner, advertMs + skewMs + slackMs)
      const since = Date.now()
      // Its addresses went with its power.
      for (const address of shared) await rig.at(owner, ['ip', 'addr', 'del', `${address}/24`, 'dev', 'srv0'])
      await rig.at('bridge', ['ip', 'link', 'set', `to-${owner}`, 'up'])
      daemons[owner] = await startDaemons(rig, owner, 3)
      await untilOwned(rig)
      await sleep(advertMs + skewMs)
      expectEqual(await untilOwned(rig), otherThan(owner), 'who has the addresses when it is back')
      quiet(await clients.take(), since)
      return note
    },
  },
  {
    name: 'keepalived: it is stopped in order, and the other machine takes over at once',
    async run(rig) {
      const { clients, daemons } = pairOf(rig)
      const owner = await untilOwned(rig)
      await clients.take()
      await daemons[owner].keepalived.stop()
      const note = await takeover(rig, owner, skewMs + slackMs)
      await clients.end('patient')
      await clients.end('impatient')
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
  for (const [place, device, address] of [
    ['first', 'srv0', machines.first],
    ['second', 'srv0', machines.second],
    ['cluster', 'mach0', master],
    ['user', 'usr0', user],
  ] as const) {
    await rig.at(place, ['ip', 'addr', 'add', `${address}/24`, 'dev', device])
  }
  const own = await certificate(rig)
  rig.beside('cluster', 'pair-master', [process.execPath, stub('back-ends'), ...own, `m1:master:${master}`])
  const path = join(rig.dir, 'pair-clients.sock')
  rig.beside('user', 'pair-clients', [process.execPath, stub('clients'), path])
  const clients = remote<ClientCalls>(path)
  await waitUntil('the client to be there', () =>
    clients.take().then(
      () => true,
      () => false,
    ),
  )
  return clients
}

const at = (rig: Rig, machine: Machine, file: string): string => join(rig.dir, machine, file)

/** @param start of the machine, for the names of its logs */
async function startDaemons(rig: Rig, machine: Machine, start = 1): Promise<Daemons> {
  await mkdir(at(rig, machine, ''), { recursive: true })
  const site = at(rig, machine, 'site.yaml')
  await writeFile(site, siteText(machines[machine]))
  for (const [what, file] of [
    ['haproxy', 'haproxy.cfg'],
    ['keepalived', 'keepalived.conf'],
  ] as const) {
    const { status, stdout, stderr } = await rig.at(machine, slipway('render', site, what))
    expectEqual(status, 0, `slipway render ${what} (${stderr})`)
    await writeFile(at(rig, machine, file), `${stdout}\n`, { mode: 0o600 })
  }
  const haproxy = startHaproxy(rig, machine, start)
  const command = [
    ...['keepalived', '--dont-fork', '--log-console', '--log-detail', '--no-syslog', '--vrrp'],
    ...['--use-file', at(rig, machine, 'keepalived.conf')],
    ...['--pid', at(rig, machine, 'keepalived.pid'), '--vrrp_pid', at(rig, machine, 'vrrp.pid')],
  ]
  let state = ''
  const keepalived = rig.beside(
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
  return rig.beside(machine, `haproxy-${machine}-${start}`, [
    'haproxy',
    '-db',
    '-f',
    at(rig, machine, 'haproxy.cfg'),
  ])
}

/** Nobody is told anything: its cable is out before its processes end, and its addresses stay on its interface. */
async function powerOff(rig: Rig, machine: Machine, { haproxy, keepalived }: Daemons): Promise<void> {
  const vrrp = Number(await readFile(at(rig, machine, 'vrrp.pid'), 'utf8'))
  keepalived.signal('SIGSTOP')
  process.kill(vrrp, 'SIGKILL')
  await rig.at('bridge', ['ip', 'link', 'set', `to-${machine}`, 'down'])
  keepalived.signal('SIGKILL')
  haproxy.signal('SIGKILL')
}

async function addressesOf(rig: Rig, machine: Machine): Promise<string> {
  const { stdout } = await rig.at(machine, ['ip', '-4', '-o', 'addr', 'show', 'dev', 'srv0'])
  return shared.filter((address) => stdout.includes(` ${address}/24 `)).join()
}

/** The machine that has all shared addresses, while the other one has none and is ready to take them. */
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
  // Whose script failed before HAProxy answered begins with a fault.
  await waitUntil('one machine to have the addresses', isOne, 20_000).catch((error: unknown) => {
    throw new Unexpected(`${(error as Error).message}; ${last}`)
  })
  return owners.get(last) ?? 'first'
}

const owners: ReadonlyMap<string, Machine> = new Map([
  [`first MASTER ${shared.join()}; second BACKUP`, 'first'],
  [`first BACKUP; second MASTER ${shared.join()}`, 'second'],
])

/** @returns how long nobody answered */
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
  const { tallies, lateMs } = await clients.take()
  const tally = tallies['impatient']
  expect(tally !== undefined && tally.failures.length > 0, 'no request failed: nothing was taken over')
  const from_ = Math.min(...tally.failures.map(({ at }) => at))
  const until = Math.max(...tally.failures.map(({ at, afterMs }) => at + afterMs))
  const outageMs = until - from_
  const mostMs = boundMs + lateMs
  expect(until - startedAt < mostMs, `an outage of ${outageMs} ms, expected ${mostMs} at most`)
  return `${tally.failures.length} of ${tally.asked} requests failed within ${outageMs} ms, ${mostMs} at most`
}

/** @param since requests from before are not counted: they may have been lost with a machine */
function quiet({ tallies }: Taken, since: number): string {
  const { asked = 0, failures: all = [] } = tallies['patient'] ?? {}
  const failures = all.filter(({ at }) => at >= since)
  expectEqual(
    failures.length,
    0,
    `requests that failed of ${asked} (${JSON.stringify(failures.slice(0, 3))})`,
  )
  return `${asked} requests, none failed`
}
