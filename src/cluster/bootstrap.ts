/**
 * Watches for the end of each cluster's bootstrap and reports it once for each cluster. The state survives restarts,
 * and an administrator can set it. The caller drains and enables the bootstrap's servers.
 */
import { Agent, get } from 'node:https'
import type { Clock, Timer } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { Model } from '../plan/model.ts'
import { formatIp, type Ip } from '../proto/address/ip.ts'
import { kinds } from './objects.ts'
import { addCheck, hasPassed, isComplete, passingForMs, startChecks } from './evaluate/requirements.ts'
import {
  isBootstrapState,
  logWriteFailure,
  readRecord,
  writeRecord,
  type BootstrapState,
  type ByCluster,
} from './records.ts'
import type { ClusterSession, Sessions } from './session.ts'

/** A cluster that has a bootstrap, and masters that replace it. */
export type BootstrapCluster = {
  readonly name: string
  readonly session: ClusterSession
  readonly masters: readonly { readonly name: string; readonly address: Ip }[]
}

export type BootstrapOptions = {
  readonly clusters: readonly BootstrapCluster[]
  /** The file of the record. */
  readonly path: string
  readonly probe: Probe
  readonly clock: Clock
  readonly log: Log
  /** Called once for each cluster, after the state was written. */
  readonly onComplete: (cluster: string) => void
  /** Called when a complete bootstrap is kept, or is watched again: its servers must be enabled again. */
  readonly onUndone: (cluster: string) => void
}

/** A command of an administrator: keep it in the load balancer, drain it now, or watch for its end again. */
export type BootstrapCommand = 'keep' | 'out' | 'watch'

export type BootstrapWatch = {
  /** Returns the state of every cluster that has a bootstrap. */
  states(): ByCluster<BootstrapState>
  /** @returns undefined for a cluster without a bootstrap. @throws when the state cannot be written; then nothing is done */
  command(cluster: string, command: BootstrapCommand, by?: string): Promise<BootstrapState | undefined>
  /** Watches for the end of a bootstrap again, because it is being reinstalled. @throws as {@link BootstrapWatch.command} */
  restart(cluster: string): Promise<void>
  /** Applies a reloaded site. */
  swap(clusters: readonly BootstrapCluster[]): void
  close(): void
}

/** The interval between two rounds of health checks. */
const intervalMs = 10_000

const initial: BootstrapState = { kind: 'waiting', since: 0, reason: 'no evidence that it is complete yet' }

export function bootstrapClusters(
  { site, members }: Pick<Model, 'site' | 'members'>,
  sessions: Sessions,
): BootstrapCluster[] {
  return site.clusters.flatMap(({ name }) => {
    const session = sessions.get(name)
    const own = members.filter((node) => node.cluster === name)
    const masters = own.filter(({ role }) => role === 'master')
    const hasBootstrap = own.some(({ role }) => role === 'bootstrap')
    return session !== undefined && hasBootstrap && masters.length > 0 ? [{ name, session, masters }] : []
  })
}

/** Never rejects: a record that cannot be read is reported in the log, and every bootstrap is watched again. */
export async function watchBootstraps(options: BootstrapOptions): Promise<BootstrapWatch> {
  const { path, clock, log } = options
  const watches = new Map<string, AbortController>()
  let record = await readRecord(path, isBootstrapState, 'bootstraps', log)
  let clusters: readonly BootstrapCluster[] = []
  let writing: Promise<unknown> = Promise.resolve()
  let isClosed = false

  const stateOf = (name: string): BootstrapState => record.get(name) ?? initial

  /**
   * Writes run one after the other, so that the file holds the last state.
   *
   * @returns the state before; undefined if `signal` aborted in the meantime, and nothing was written
   */
  function keep(
    name: string,
    state: BootstrapState,
    signal?: AbortSignal,
  ): Promise<BootstrapState | undefined> {
    const next = writing.then(async () => {
      if (signal?.aborted === true) return undefined
      const before = stateOf(name)
      const changed = new Map(record).set(name, state)
      await writeRecord(path, changed)
      record = changed
      return before
    })
    writing = next.catch(() => {})
    return next
  }

  async function complete(name: string, evidence: string, signal: AbortSignal): Promise<void> {
    const state: BootstrapState = { kind: 'out', since: clock.now(), reason: evidence }
    try {
      // Undefined: an administrator has already decided.
      if ((await keep(name, state, signal)) === undefined) return
    } catch (error) {
      // Continue: after a restart the evidence is found again.
      logWriteFailure(log, path, error)
      record = new Map(record).set(name, state)
    }
    log.info({ cluster: name, reason: evidence }, 'bootstrap complete')
    options.onComplete(name)
  }

  /** Replaces the watch of a cluster, and stops the old one afterwards, so that its list-watch continues. */
  function start(cluster: BootstrapCluster): void {
    const { name } = cluster
    const old = watches.get(name)
    const { kind, installedFrom } = stateOf(name)
    watches.delete(name)
    if (!isClosed && kind === 'waiting') {
      const abort = new AbortController()
      watches.set(name, abort)
      const onEnd = (evidence: string) => void complete(name, evidence, abort.signal)
      watchForEnd({ ...cluster, installedFrom }, options, abort.signal, onEnd)
    }
    old?.abort()
  }

  function stop(name: string): void {
    watches.get(name)?.abort()
    watches.delete(name)
  }

  function swap(next: readonly BootstrapCluster[]): void {
    clusters = next
    for (const name of [...watches.keys()]) if (!next.some((each) => each.name === name)) stop(name)
    for (const cluster of next) start(cluster)
  }

  /** @returns the state before */
  async function set(name: string, state: BootstrapState): Promise<BootstrapState | undefined> {
    watches.get(name)?.abort()
    let before: BootstrapState | undefined
    try {
      before = await keep(name, state)
    } finally {
      // The site may have changed in the meantime.
      const current = clusters.find((each) => each.name === name)
      if (current !== undefined) start(current)
    }
    if (state.kind !== 'out' && before?.kind === 'out') options.onUndone(name)
    return before
  }

  swap(options.clusters)
  return {
    states: () => new Map(clusters.map(({ name }) => [name, stateOf(name)])),
    async command(name, command, by) {
      if (!clusters.some((each) => each.name === name)) return undefined
      const kind = ({ keep: 'kept', out: 'out', watch: 'waiting' } as const)[command]
      const reason = `set by an administrator${by === undefined ? '' : `, ${by}`} (bootstrap ${command})`
      const before = await set(name, { kind, since: clock.now(), reason })
      log.info({ cluster: name, command, before: before?.kind, user: by }, 'bootstrap state set by command')
      if (kind === 'out' && before?.kind !== 'out') options.onComplete(name)
      return stateOf(name)
    },
    async restart(name) {
      if (!clusters.some((each) => each.name === name)) return
      const now = clock.now()
      const reason = 'the bootstrap is installed again'
      await set(name, { kind: 'waiting', since: now, reason, installedFrom: now })
    },
    swap,
    close() {
      isClosed = true
      for (const name of [...watches.keys()]) stop(name)
    },
  }
}

type WatchedCluster = BootstrapCluster & { readonly installedFrom: number | undefined }

/** Calls `onEnd` once with the evidence, unless `signal` aborts before. */
function watchForEnd(
  { session, masters, installedFrom }: WatchedCluster,
  { probe, clock }: BootstrapOptions,
  signal: AbortSignal,
  onEnd: (evidence: string) => void,
): void {
  let checks = startChecks(installedFrom)
  let timer: Timer | undefined
  let hasEnded = false
  const isOver = () => hasEnded
  const held = session.hold(kinds.bootstrapConfigMap, { onChange: evaluate })
  const end = (): void => {
    hasEnded = true
    timer?.cancel()
    held.release()
    signal.removeEventListener('abort', end)
  }
  signal.addEventListener('abort', end)

  function finish(evidence: string): void {
    end()
    onEnd(evidence)
  }

  function evaluate(): void {
    if (!isComplete(held.items(), installedFrom)) return
    finish(`the ConfigMap bootstrap in kube-system has status: complete (${session.kubeconfigPath ?? ''})`)
  }

  /** While there is no kubeconfig, the masters' health checks are the evidence. */
  async function check(): Promise<void> {
    if (isOver() || session.kubeconfigProblem() === undefined) return
    const isPassing = (await Promise.all(healthUrls(masters).map(probe))).every(Boolean)
    if (isOver()) return
    const nowMs = clock.monotonic()
    checks = addCheck(checks, isPassing, nowMs)
    if (hasPassed(checks, nowMs)) {
      const names = masters.map(({ name }) => name).join(', ')
      finish(`${names} passed their health checks on 6443 and 22623 for ${passingForMs / 60_000} min`)
    } else {
      timer = clock.after(intervalMs, () => void check())
    }
  }

  evaluate()
  void check()
}

function healthUrls(masters: BootstrapCluster['masters']): string[] {
  return masters.flatMap(({ address }) => {
    const text = formatIp(address)
    const host = text.includes(':') ? `[${text}]` : text
    return [`https://${host}:6443/readyz`, `https://${host}:22623/healthz`]
  })
}

export type Probe = (url: string) => Promise<boolean>

const probeTimeoutMs = 5000
const probeAgent = new Agent({ rejectUnauthorized: false, keepAlive: false })

/**
 * Performs the health check of a load balancer: whether a master answers on 6443 or 22623. Like HAProxy's checks
 * (`check-ssl verify none`) it does not verify certificates: the request and the response hold no data. Resolves with
 * whether the response is 200 within 5 s. Never rejects.
 */
export const probe: Probe = (url) =>
  new Promise((resolve) => {
    const request = get(url, { agent: probeAgent, timeout: probeTimeoutMs }, (response) => {
      response.resume()
      response.once('error', () => resolve(false))
      resolve(response.statusCode === 200)
    })
    request.once('timeout', () => void request.destroy(new Error('timeout')))
    request.once('error', () => resolve(false))
  })
