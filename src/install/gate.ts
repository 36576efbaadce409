/**
 * What must be true before an installation starts: a machine configuration server (port 22623) is up for the nodes
 * that need one, the files exist, and their certificates last until its end. Servers are probed only while a node
 * waits for them, and all waiting nodes share the result.
 */
import { request } from 'node:https'
import type { Clock, Timer } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { MachineConfigServer } from '../plan/install.ts'
import type { InstallRole } from '../plan/facts.ts'
import type { HttpPlan } from '../plan/http/plan.ts'
import { checkIgnitionAge } from '../plan/ignition/findings.ts'
import type { IgnitionFiles } from '../plan/ignition/document.ts'
import { urlPaths } from '../plan/urls.ts'
import type { Permission } from './installs.ts'

export type Gate = {
  /** Resolves to whether one of `servers` is up; true if the list is empty. */
  isOpen(servers: readonly MachineConfigServer[]): Promise<boolean>
  /** Stops all probes. */
  close(): void
}

export type GateOptions = {
  /** Resolves to whether the server is up; never rejects. */
  readonly probe: (server: MachineConfigServer) => Promise<boolean>
  readonly clock: Clock
  readonly log: Log
}

const pauseMs = 3000
/** Waiting scripts repeat their request every few seconds; after a minute without one, the node no longer waits. */
const interestMs = 60_000

/** The probes of one list of servers. */
type Watch = {
  readonly servers: readonly MachineConfigServer[]
  /** The server that responded in the last complete round. */
  up: MachineConfigServer | undefined
  round: Promise<void>
  requestedAt: number
  timer: Timer | undefined
}

export function createGate({ probe, clock, log }: GateOptions): Gate {
  const watches = new Map<string, Watch>()
  let isClosed = false

  async function probeAll(watch: Watch): Promise<void> {
    const answers = await Promise.all(watch.servers.map((server) => probe(server)))
    const up = watch.servers[answers.indexOf(true)]
    if (up !== undefined && watch.up === undefined) {
      log.info(
        { node: up.node, address: up.address },
        'machine configuration available, waiting nodes continue',
      )
    }
    watch.up = up
  }

  function start(watch: Watch): void {
    watch.round = probeAll(watch).then(() => {
      if (!isClosed) watch.timer = clock.after(pauseMs, () => repeat(watch))
    })
  }

  function repeat(watch: Watch): void {
    if (clock.monotonic() - watch.requestedAt < interestMs) start(watch)
    else watches.delete(keyOf(watch.servers))
  }

  return {
    async isOpen(servers) {
      if (servers.length === 0) return true
      let watch = watches.get(keyOf(servers))
      if (watch === undefined) {
        watch = { servers, up: undefined, round: Promise.resolve(), requestedAt: 0, timer: undefined }
        watches.set(keyOf(servers), watch)
        start(watch)
      }
      watch.requestedAt = clock.monotonic()
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

const machineConfigPort = 22_623
const timeoutMs = 1500

/** Requests the health page of a machine configuration server over TLS. Never rejects: an unreachable server is down. */
export function probeMachineConfig(
  { address }: Pick<MachineConfigServer, 'address'>,
  port: number = machineConfigPort,
): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  // The certificate is signed by the cluster's own CA, which slipway does not have. It is not verified: the request
  // carries no data, and the response only shows that a server is up.
  const options = { host: address, port, path: '/healthz', rejectUnauthorized: false, agent: false } as const
  const probing = request(options, (response) => {
    response.destroy()
    resolve(response.statusCode === 200)
  })
  // Limits the whole request, not only its pauses.
  const timer = setTimeout(() => probing.destroy(), timeoutMs)
  probing.once('close', () => {
    clearTimeout(timer)
    resolve(false)
  })
  probing.on('error', () => resolve(false))
  probing.end()
  return promise
}

/** An installation that would start now; `now` in milliseconds since 1970. */
type Start = { readonly node: string; readonly role: InstallRole; readonly now: number }

/** Checks that the files for an installation exist, and that their certificates last until its end. */
export async function canStartInstall(
  { scripts, ignition }: Pick<HttpPlan, 'scripts' | 'ignition'>,
  files: IgnitionFiles,
  { node, role, now }: Start,
): Promise<Permission> {
  const key = { key: node }
  const problem = scripts.get(urlPaths.installScript(key, role))?.problem
  if (problem !== undefined) return { kind: 'refused', code: 'install.file-missing', reason: problem }
  const file = ignition.get(urlPaths.openIgnition(key, role))
  // The image of an agent contains its configuration.
  if (file === undefined) return { kind: 'allowed' }
  const read = await files.read(file.file)
  if (read.kind === 'unreadable')
    return { kind: 'refused', code: 'install.file-missing', reason: read.problem }
  const { kind, sentence } = checkIgnitionAge({ ...read.document, role }, now)
  return kind === 'expired'
    ? { kind: 'refused', code: 'install.ignition-expired', reason: sentence }
    : { kind: 'allowed' }
}
