/** slipway with a rack on loopback: the whole app with its HTTPS listener, and machines that `lives.ts` simulates. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApp, type App } from '../../../src/app.ts'
import { choosePorts, prepareDemo } from '../../../src/demo/demo-site.ts'
import { systemClock, type Clock } from '../../../src/host/clock.ts'
import type { IgnitionKind } from '../../../src/plan/facts.ts'
import { createLog } from '../../../src/host/log.ts'
import { createSockets } from '../../../src/host/sockets.ts'
import { openStore } from '../../../src/install/open-store.ts'
import { explain, prepare } from '../../../src/prepare.ts'
import { formatIp } from '../../../src/proto/address/ip.ts'
import { lastLines } from '../process.ts'
import { ask } from '../../support/control-service.ts'
import { clientPacket } from '../../support/dhcp-message.ts'
import { startBalancer } from './balancer.ts'
import { actsOf, type Act } from './lives.ts'
import { logActs } from './logs.ts'

export type RackServer = {
  readonly app: App
  readonly url: string
  readonly sitePath: string
  /** Keys of the nodes. */
  readonly nodes: readonly string[]
  /** Creates a token. */
  token(scope: 'read' | 'operate' | 'admin'): Promise<string>
  /** Ends the app, as if the machine lost its power. */
  stop(): Promise<void>
  /** Starts the app again, at the same port and with the same state. */
  start(): Promise<void>
  /** Sends the first DHCP message of a machine that the site does not declare. */
  discover(mac: string): Promise<void>
  tail(lines: number): string
  close(): Promise<void>
}

/** How long the simulated past is. */
const pastMs = 30 * 60_000
/** When the live system of m2 starts. */
const logsStartAtMs = 3.5 * 60_000

export async function startRack(count: number): Promise<RackServer> {
  const { directory, sockets, sitePath, control, port, dhcpPort } = await prepareSite(count)
  const lines: string[] = []
  const timers: NodeJS.Timeout[] = []
  let behindMs = 0
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() - behindMs,
    monotonic: () => systemClock.monotonic() - behindMs,
  }

  async function start(): Promise<App> {
    const prepared = await prepare(sitePath)
    if (prepared.kind !== 'ready') throw new Error(explain(prepared).join('\n'))
    const store = openStore(join(directory, 'state'), { now: systemClock.now() })
    const log = createLog('info', { write: (line) => void lines.push(line) })
    const onLost = (error: Error): void => void lines.push(error.message)
    return startApp({ sitePath, prepared, directory, log, sockets, store, clock, control, onLost })
  }

  /** Plays the past at once, and the rest in real time. */
  async function play(acts: readonly Act[]): Promise<void> {
    const startedAt = systemClock.now() - pastMs
    const past = acts.filter(({ at }) => at < pastMs).sort((a, b) => a.at - b.at)
    for (const { at, run } of past) {
      behindMs = systemClock.now() - startedAt - at
      await run()
    }
    behindMs = 0
    for (const { at, run } of acts) {
      if (at >= pastMs)
        timers.push(setTimeout(() => void run(), Math.max(1, startedAt + at - systemClock.now())))
    }
  }

  let app: App | undefined
  const running = (): App => app as App
  const balancer = await startBalancer(join(directory, 'admin.sock'), () => app)
  app = await start()
  const { nodes } = running().plan()
  const begin = systemClock.now() - pastMs
  await play([
    ...nodes.flatMap(({ key, address, ignition }, index) =>
      actsOf(
        () => running().installs,
        { key, address: formatIp(address), role: ignition as IgnitionKind },
        index,
        begin,
      ),
    ),
    ...logActs(running, 'ocp45/m2', logsStartAtMs),
  ])

  return {
    get app() {
      return running()
    },
    url: `https://127.0.0.1:${port}/`,
    sitePath,
    nodes: nodes.map(({ key }) => key),
    token: (scope) => createToken(control, scope),
    async stop() {
      await running().close(0)
    },
    async start() {
      app = await start()
    },
    async discover(mac) {
      const socket = createSocket('udp4')
      const options = [[60, 'PXEClient:Arch:00007:UNDI:003016']] as const
      const packet = clientPacket({ mac, type: 'discover', giaddr: '172.16.0.1', options })
      await new Promise((resolve) => socket.send(packet, dhcpPort, '127.0.0.1', resolve))
      socket.close()
    },
    tail: (count) => lastLines(lines.join(''), count),
    async close() {
      for (const timer of timers) clearTimeout(timer)
      await running().close(0)
      balancer.close()
      await rm(directory, { recursive: true })
    },
  }
}

async function prepareSite(count: number) {
  const directory = await mkdtemp(join(tmpdir(), 'slipway-page-'))
  const sockets = createSockets({})
  const chosen = await choosePorts(sockets)
  if (chosen === undefined) throw new Error('no free ports')
  const { sitePath } = await prepareDemo(directory, chosen.ports)
  const port = await freePort()
  const site = withNodes(await readFile(sitePath, 'utf8'), count, port)
  await writeFile(sitePath, `${site}syslog: { port: ${await freePort()} }\n`)
  const control = join(directory, 'control.sock')
  return { directory, sockets, sitePath, control, port, dhcpPort: chosen.ports.dhcp }
}

/** The names of tokens are those of their users. */
const users = { read: 'wall', operate: 'alice', admin: 'bob' } as const

async function createToken(control: string, scope: keyof typeof users): Promise<string> {
  const body = JSON.stringify({ name: users[scope], scope })
  const answer = await ask(control, '/v1/tokens', 'POST', { 'content-type': 'application/json' }, body)
  return (answer.body as { token: string }).token
}

const packageStartMs = 30_000

/** Starts the program as packages contain it, in a separate process. */
export async function startPackage(): Promise<
  Pick<RackServer, 'url' | 'close'> & { readonly token: string }
> {
  const { directory, sitePath, control, port } = await prepareSite(7)
  const dist = join(directory, 'dist')
  execFileSync(process.execPath, [join(import.meta.dirname, '../../../packaging/bundle.ts'), dist])
  const args = ['serve', '--state', join(directory, 'state'), '--control', control, sitePath]
  const program = spawn(process.execPath, [join(dist, 'main.js'), ...args], { stdio: 'ignore' })
  const ended = once(program, 'exit')
  const deadline = performance.now() + packageStartMs
  let token: string | undefined
  while (token === undefined) {
    token = await createToken(control, 'read').catch(() => undefined)
    if (performance.now() > deadline) throw new Error('the package does not serve')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return {
    url: `https://127.0.0.1:${port}/`,
    token,
    async close() {
      program.kill()
      await ended
      await rm(directory, { recursive: true })
    },
  }
}

/** Adds workers to the site of the demo, and the section that opens the page. */
function withNodes(site: string, count: number, port: number): string {
  const declared = site.match(/^ +- \{ name: .*role/gm)?.length ?? 0
  const added = Array.from({ length: Math.max(0, count - declared) }, (_, index) => {
    const [high, low] = [1 + Math.floor(index / 250), 1 + (index % 250)]
    const mac = `00:50:56:97:${hex(high)}:${hex(low)}`
    return `      - { name: w${index + 4}, role: worker, mac: "${mac}", address: 172.16.${high}.${low} }\n`
  })
  return `${site
    .replace('/run/slipway-demo/admin.sock', 'admin.sock')
    .replace('cidr: 172.16.0.0/24', 'cidr: 172.16.0.0/20')
    .replace(/^( +- \{ name: w3,.*\n)/m, (line) => line + added.join(''))}\napi: { port: ${port} }\n`
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0')
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
