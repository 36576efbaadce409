/** A real HAProxy whose nodes and clients are sockets in a folder, and the connections through it while nodes leave. */
import { spawn, spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../src/host/clock.ts'
import { Counters } from '../../../src/host/counters.ts'
import { createLog } from '../../../src/host/log.ts'
import type { HaproxyPlan } from '../../../src/plan/haproxy/plan.ts'
import { renderHaproxy } from '../../../src/plan/haproxy/render.ts'
import { queryHaproxy } from '../../../src/serve/haproxy/runtime-api.ts'
import { createBalancer } from '../../../src/serve/haproxy/balancer.ts'
import { socketFolder } from '../../support/fake-haproxy.ts'

const program = '/usr/sbin/haproxy'
const hasHaproxy = spawnSync(program, ['-v']).status === 0

/** A part beside an administrator's file, with one front end and a node behind it for each name. */
function planOf(folder: string, names: readonly string[]): HaproxyPlan {
  const at = (name: string): string => join(folder, name)
  return {
    site: 'lab',
    file: at('ours.cfg'),
    with: [at('theirs.cfg'), at('ours.cfg')],
    reload: { kind: 'master', socket: at('master') },
    socket: at('stats'),
    healthPort: undefined,
    frontends: [
      {
        name: 'machineconfig',
        service: 'machineconfig',
        binds: [`unix@${at('front')}`],
        routes: [{ backend: 'machineconfig', names: [] }],
      },
    ],
    backends: [
      {
        name: 'machineconfig',
        service: 'machineconfig',
        checks: 'documented',
        servers: names.map((name) => ({
          node: `ocp45/${name}`,
          name,
          endpoint: `unix@${at(name)}`,
          isBackup: false,
          isOut: false,
        })),
      },
    ],
  }
}

/** Each node replies with its name to any data. */
async function startNode(t: Test, path: string, name: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('data', () => socket.write(name))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.teardown(() => server.close())
}

async function until(what: string, isReached: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await isReached())) if (performance.now() > deadline) throw new Error(`not within 30 s: ${what}`)
}

/** A connection through HAProxy, and the node that answers on it. */
function client(t: Test, path: string) {
  const socket: Socket = connect({ path })
  t.teardown(() => socket.destroy())
  const ask = (): Promise<string> =>
    new Promise((resolve) => {
      const end = (answer: string): void => {
        socket.removeAllListeners()
        socket.on('error', () => {})
        resolve(answer)
      }
      socket.once('data', (data) => end(data.toString()))
      socket.once('error', (error) => end(error.message))
      socket.once('close', () => end('closed'))
      socket.write('name?')
    })
  return { ask, end: () => socket.destroy() }
}

t.test(
  'connections survive the draining of a node, its reload of HAProxy, and a reload for another change',
  { skip: !hasHaproxy && 'haproxy is not installed: no connection was tried' },
  async (t) => {
    const folder = await socketFolder(t)
    const at = (name: string): string => join(folder, name)
    for (const name of ['m1', 'm2', 'm3', 'm4']) await startNode(t, at(name), name)
    const whole = planOf(folder, ['m1', 'm2', 'm3'])
    await writeFile(
      at('theirs.cfg'),
      `global\n  stats socket ${at('stats')} level admin expose-fd listeners\n`,
    )
    await writeFile(at('ours.cfg'), renderHaproxy(whole))
    const files = whole.with.flatMap((file) => ['-f', file])
    const haproxy = spawn(program, ['-W', '-db', '-S', at('master'), ...files], { stdio: 'ignore' })
    t.teardown(async () => {
      haproxy.kill('SIGTERM')
      await new Promise((resolve) => haproxy.once('exit', resolve))
    })
    const isUp = async () => (await queryHaproxy(at('stats'), 'show info', systemClock)).kind === 'answer'
    await until('HAProxy', isUp)

    const log = createLog('error', { write: (line: string) => t.fail(line) })
    const balancer = createBalancer({ log, counters: new Counters(), clock: systemClock, program })
    t.teardown(() => balancer.close())
    t.same(await balancer.apply(whole), { outcome: 'unchanged' })
    const clients = new Map<string, ReturnType<typeof client>>()
    await until('a connection to each', async () => {
      const one = client(t, at('front'))
      clients.set(await one.ask(), one)
      return ['m1', 'm2', 'm3'].every((name) => clients.has(name))
    })
    const answers = (...names: string[]) => Promise.all(names.map((name) => clients.get(name)!.ask()))
    const news = () => Promise.all(Array.from({ length: 12 }, () => client(t, at('front')).ask()))

    const next = planOf(folder, ['m1', 'm2'])
    t.same(await balancer.apply(next), { outcome: 'told' })
    t.match(balancer.state().servers[2], { server: 'm3', isLeaving: true, status: 'DRAIN', isUp: false })
    t.same(await answers('m1', 'm2', 'm3'), ['m1', 'm2', 'm3'], 'while it leaves')
    t.same([...new Set(await news())].sort(), ['m1', 'm2'], 'it gets no new connections')

    clients.get('m3')!.end()
    await until('its last connection', async () => (await balancer.apply(next)).outcome === 'reloaded')
    t.same(
      balancer.state().servers.map(({ server }) => server),
      ['m1', 'm2'],
    )
    t.same(await answers('m1', 'm2'), ['m1', 'm2'], 'when it is gone')
    t.same([...new Set(await news())].sort(), ['m1', 'm2'])

    t.same(await balancer.apply(planOf(folder, ['m1', 'm4'])), { outcome: 'reloaded' })
    t.same(await answers('m1', 'm2'), ['m1', 'm2'], 'also those of a node that did not wait')
    t.same([...new Set(await news())], ['m1'], 'a new one has to pass its checks first')
  },
)
