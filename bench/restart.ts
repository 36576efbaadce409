/**
 * Start and reload of slipway with sites of several sizes: how long a new process needs until its first answers, and how
 * long answers wait during a reload. Another checkout can be measured in the same rounds.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request } from './answer-probe.ts'
import { clientAddress, serverAddress, type Network } from './network.ts'
import { start } from '../test/e2e/process.ts'
import { probeMs } from '../src/serve/dhcp/leasing.ts'
import { ownCheckout, prepareCheckout, serveCommand } from './slipway.ts'
import { createNodes, domain, writeSite, type Files } from './site.ts'
import { memoryKiB, secondsOf, waitedSecondsOf } from './servers.ts'
import { median } from './statistics.ts'

export type Start = {
  /** Milliseconds from the start of the process until it has answered DNS, DHCP, and HTTP. */
  readonly answeredMs: number
  readonly processorMs: number
  /** How long the main thread waited for a processor. */
  readonly waitedMs: number
  readonly memoryMiB: number
}

export type Reload = {
  /** Milliseconds, median. */
  readonly reloadMs: number
  /** The maximum delay of a DNS or DHCP answer during all reloads, and in a second without a reload. */
  readonly maxDelayMs: number
  readonly idleDelayMs: number
  readonly lost: number
  /** How long the main thread waited for a processor, for each reload. */
  readonly waitedMs: number
  /** After all reloads. */
  readonly memoryMiB: number
}

/** A checkout with the site of one size. Its directory has the state and the cache. */
export type Tested = {
  readonly version: 'slipway' | 'compared'
  readonly checkout: string
  readonly nodes: number
  readonly files: Files
}

export const sizes = [7, 1000, 5000] as const
export const reloads = 20

const limitMs = 60_000
/** A reload also delays requests that arrive shortly after its end. */
const settleMs = 300

/** Writes the sites, and starts each once without measuring: it creates its state and its compile cache. */
export async function prepareTested(
  network: Network,
  files: Files,
  compared: string | undefined,
): Promise<readonly Tested[]> {
  const checkouts = [
    { version: 'slipway' as const, checkout: ownCheckout },
    ...(compared === undefined ? [] : [{ version: 'compared' as const, checkout: compared }]),
  ]
  const all = sizes.flatMap((nodes) =>
    checkouts.map((each) => ({
      ...{ ...each, nodes },
      files: { ...files, dir: join(files.dir, `${each.version}-${nodes}`) },
    })),
  )
  for (const tested of all) {
    await mkdir(tested.files.dir, { recursive: true })
    await writeSite(tested.files, { declared: createNodes(tested.nodes) })
    await prepareCheckout(tested.checkout, tested.files.dir)
    await firstStart(network, tested)
  }
  return all
}

/** Serves until the result of the probe for other DHCP servers is recorded. A restart then leases at once. */
export async function firstStart(network: Network, tested: Tested): Promise<void> {
  const server = startServing(network, tested)
  try {
    await server.untilLogged('serving', 1)
    await sleep(probeMs + 1000)
  } finally {
    await server.stop()
  }
}

export async function measureStart(network: Network, tested: Tested): Promise<Start> {
  const probe = await startProbe(network, tested.nodes)
  const server = startServing(network, tested)
  try {
    await server.untilLogged('serving', 1)
    // HTTP connections are opened every 20 ms.
    await sleep(200)
    const requests = await probe.stop()
    const answeredAt = (['dns', 'dhcp', 'http'] as const).map((service) => firstAnswer(requests, service))
    return {
      answeredMs: Math.max(...answeredAt) - (await server.startedAt()),
      processorMs: (await secondsOf(server.pid)) * 1000,
      waitedMs: (await waitedSecondsOf(server.pid)) * 1000,
      memoryMiB: (await memoryKiB(server.pid, 'VmRSS')) / 1024,
    }
  } finally {
    await probe.stop()
    await server.stop()
  }
}

export async function measureReloads(network: Network, tested: Tested, times = reloads): Promise<Reload> {
  const server = startServing(network, tested)
  const probe = await startProbe(network, tested.nodes)
  try {
    await server.untilLogged('serving', 1)
    // The first second warms the server up.
    await sleep(2000)
    const waitedBefore = await waitedSecondsOf(server.pid)
    const windows: { readonly from: number; readonly to: number }[] = []
    for (let count = 1; count <= times; count++) {
      await changeSite(tested, count)
      const from = Date.now()
      server.signal('SIGHUP')
      windows.push({ from, to: await server.untilLogged('site reloaded', count) })
      await sleep(settleMs)
    }
    const waited = (await waitedSecondsOf(server.pid)) - waitedBefore
    const memoryMiB = (await memoryKiB(server.pid, 'VmRSS')) / 1024
    const requests = (await probe.stop()).filter(({ service }) => service !== 'http')
    const within = (from: number, to: number) =>
      requests.filter(({ sentAt, delayMs = 0 }) => sentAt + delayMs >= from && sentAt <= to)
    const during = windows.flatMap(({ from, to }) => within(from, to + settleMs))
    const startedAt = windows[0]?.from ?? 0
    return {
      reloadMs: median(windows.map(({ from, to }) => to - from)),
      maxDelayMs: maxDelay(during),
      idleDelayMs: maxDelay(within(startedAt - 1000, startedAt)),
      lost: during.filter(({ delayMs }) => delayMs === undefined).length,
      waitedMs: (waited * 1000) / times,
      memoryMiB,
    }
  } finally {
    await probe.stop()
    await server.stop()
  }
}

/** Renames the last node, as an edit of the site file does. */
async function changeSite({ files }: Tested, count: number): Promise<void> {
  const path = join(files.dir, 'site.yaml')
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.replace(/name: \w+(?=[^\n]*\n$)/, `name: renamed${count}`))
}

function maxDelay(requests: readonly Request[]): number {
  return requests.reduce((max, { delayMs = 0 }) => Math.max(max, delayMs), 0)
}

function firstAnswer(requests: readonly Request[], of: Request['service']): number {
  const times = requests.flatMap(({ service, sentAt, delayMs }) =>
    service === of && delayMs !== undefined ? [sentAt + delayMs] : [],
  )
  if (times.length === 0) throw new Error(`no answer from ${of}`)
  return Math.min(...times)
}

type Probe = {
  /** Returns all requests. */
  stop(): Promise<readonly Request[]>
}

async function startProbe(network: Network, nodes: number): Promise<Probe> {
  const ready = Promise.withResolvers<undefined>()
  const requests: Request[] = []
  const program = join(import.meta.dirname, 'answer-probe.ts')
  const command = [process.execPath, program, clientAddress(0), serverAddress, domain, String(nodes)]
  const running = start(network.onClient(0, ...command), {
    logFile: '/dev/null',
    onLine(line) {
      if (line === 'ready') ready.resolve(undefined)
      else requests.push(JSON.parse(line) as Request)
    },
  })
  void running.ended.then(() => ready.reject(new Error('the probe ended')))
  await ready.promise
  return {
    async stop() {
      await running.stop()
      return requests
    },
  }
}

type Serving = {
  readonly pid: number
  /** Returns the time at which the process started, in milliseconds since 1970. */
  startedAt(): Promise<number>
  /** Waits until an event was logged so many times. Returns the time of the last one, in milliseconds since 1970. */
  untilLogged(message: string, count: number): Promise<number>
  signal(name: NodeJS.Signals): void
  stop(): Promise<void>
}

function startServing(network: Network, { checkout, files }: Tested): Serving {
  const startedFile = join(files.dir, 'started')
  const record = ['bash', '-c', 'echo "${EPOCHREALTIME/,/.}" >"$1"; shift; exec "$@"', 'bash', startedFile]
  const logged: { readonly msg: string; readonly time: string }[] = []
  const running = start(network.onServer(...record, ...serveCommand(checkout, files.dir, [])), {
    logFile: join(files.dir, 'log'),
    onLine(line) {
      // Most lines are those of DHCP.
      if (/"(?:serving|site reloaded|site reload rejected)"/.test(line))
        logged.push(JSON.parse(line) as never)
    },
  })
  return {
    pid: running.pid,
    startedAt: async () => Number(await readFile(startedFile, 'utf8')) * 1000,
    async untilLogged(message, count) {
      const deadline = performance.now() + limitMs
      for (;;) {
        const event = logged.filter(({ msg }) => msg === message)[count - 1]
        if (event !== undefined) return Date.parse(event.time)
        if (!running.isRunning() || performance.now() > deadline)
          throw new Error(`slipway did not log "${message}": see ${files.dir}/log`)
        await sleep(10)
      }
    },
    signal: (name) => running.signal(name),
    stop: () => running.stop(),
  }
}
