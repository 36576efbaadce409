/**
 * The order of an installation: whether a machine configuration server (port 22623) is up for those that need
 * one. Servers are asked only while somebody waits for them, and all who wait share the answers.
 */
import type { Clock, Timer } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { MachineConfigServer } from '../plan/install.ts'
import { request } from 'node:https'

export type Gate = {
  /** Whether one of `servers` serves; true when there are none to wait for. */
  isOpen(servers: readonly MachineConfigServer[]): Promise<boolean>
  /** Ends all asking. */
  close(): void
}

export type GateOptions = {
  /** Whether this one serves; never rejects. */
  readonly probe: (server: MachineConfigServer) => Promise<boolean>
  readonly clock: Clock
  readonly log: Log
}

const pauseMs = 3000
/** Waiting scripts ask every few seconds: who has not for a minute went another way. */
const interestMs = 60_000

/** The servers that somebody waits for. */
type Watch = {
  readonly servers: readonly MachineConfigServer[]
  /** Of the last round that ended. */
  up: MachineConfigServer | undefined
  round: Promise<void>
  wantedAt: number
  timer: Timer | undefined
}

export function createGate({ probe, clock, log }: GateOptions): Gate {
  const watches = new Map<string, Watch>()
  let isClosed = false

  async function ask(watch: Watch): Promise<void> {
    const answers = await Promise.all(watch.servers.map((server) => probe(server)))
    const up = watch.servers[answers.indexOf(true)]
    if (up !== undefined && watch.up === undefined) {
      log.info(
        { node: up.node, address: up.address },
        'machine configuration is served, nodes that wait go on',
      )
    }
    watch.up = up
  }

  function begin(watch: Watch): void {
    watch.round = ask(watch).then(() => {
      if (!isClosed) watch.timer = clock.after(pauseMs, () => goOn(watch))
    })
  }

  function goOn(watch: Watch): void {
    if (clock.monotonic() - watch.wantedAt < interestMs) begin(watch)
    else watches.delete(keyOf(watch.servers))
  }

  return {
    async isOpen(servers) {
      if (servers.length === 0) return true
      let watch = watches.get(keyOf(servers))
      if (watch === undefined) {
        watch = { servers, up: undefined, round: Promise.resolve(), wantedAt: 0, timer: undefined }
        watches.set(keyOf(servers), watch)
        begin(watch)
      }
      watch.wantedAt = clock.monotonic()
      await watch.round
      return watch.up !== undefined
    },
    close() {
      isClosed = true
      for (const { timer } of watches.values()) timer?.cancel()
      watches.clear()
    },
  }
}

function keyOf(servers: readonly MachineConfigServer[]): string {
  return servers.map(({ address }) => address).join(' ')
}

/** Whether a machine configuration server answers: its own health page, over TLS with a certificate of its own making. */

const machineConfigPort = 22_623
const timeoutMs = 1500

/** Never rejects: who cannot be reached does not serve. */
export function probeMachineConfig(
  { address }: Pick<MachineConfigServer, 'address'>,
  port: number = machineConfigPort,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // Nothing is sent and nothing is believed but that somebody serves there, so its certificate is not verified:
  // it is signed by the cluster's own root, which this machine does not have.
  const options = { host: address, port, path: '/healthz', rejectUnauthorized: false, agent: false } as const
  const asking = request(options, (response) => {
    response.destroy()
    resolve(response.statusCode === 200)
  })
  // Of all of it, not only of its silences.
  const timer = setTimeout(() => asking.destroy(), timeoutMs)
  asking.once('close', () => {
    clearTimeout(timer)
    resolve(false)
  })
  asking.on('error', () => resolve(false))
  asking.end()
  return promise
}
