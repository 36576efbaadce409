/**
 * Recognises that a cluster's bootstrap has done its work: the `bootstrap` ConfigMap that openshift-install
 * waits for, or, while there is no kubeconfig, all masters passing their checks for a while. Says so once for
 * each cluster and keeps it over restarts; what leaves the back ends then is others' part.
 */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import type { Model } from '../plan/model.ts'
import { formatIp, type Ip } from '../proto/address/ip.ts'
import type { ClusterConnection } from './connection/client.ts'
import { readBootstrapRecord, type BootstrapRecord, type BootstrapState } from './bootstrap-record.ts'
import { kubeconfigFile, kubeconfigProblem, type KubeconfigFile } from './kubeconfig/file.ts'
import { apiPaths, isBootstrapComplete, textOf, type ConfigMap } from './objects.ts'
import { pause } from '../host/pause.ts'
import type { Probe } from './probe.ts'
import { writeRecord } from './record-file.ts'
import type { Trouble, Troubles } from './troubles.ts'

/** A cluster that has a bootstrap and masters to take over from it. */
export type BootstrapCluster = {
  readonly name: string
  readonly kubeconfig: KubeconfigFile
  readonly masters: readonly { readonly name: string; readonly address: Ip }[]
}

export type BootstrapOptions = {
  readonly clusters: readonly BootstrapCluster[]
  /** The file that keeps what was decided. */
  readonly path: string
  readonly connect: (kubeconfig: KubeconfigFile) => ClusterConnection
  readonly probe: Probe
  readonly clock: Clock
  readonly log: Log
  readonly troubles: Troubles
  /** Called once for each cluster, after it was kept; `evidence` is a sentence. */
  readonly onComplete: (cluster: string, evidence: string) => void
  /** Called when a person says that it stays, or is to be looked for anew: it goes back where it was. */
  readonly onUndone: (cluster: string) => void
}

/** What a person may say: it stays, it leaves now, it is looked for again (before another installation). */
export type BootstrapCommand = 'keep' | 'out' | 'watch'

export type BootstrapWatch = {
  /** Of every cluster that has a bootstrap, by name. */
  state(): BootstrapRecord
  /** @returns undefined for a cluster without a bootstrap. @throws when it cannot be kept; then nothing is done */
  command(cluster: string, command: BootstrapCommand): Promise<BootstrapState | undefined>
  /** Its bootstrap is installed anew: another end is looked for. @throws as {@link BootstrapWatch.command} */
  beginAnew(cluster: string): Promise<void>
  /** Takes over what the site says now. */
  swap(clusters: readonly BootstrapCluster[]): void
  close(): void
}

/** Between two rounds of checks. */
const roundMs = 10_000
/** How long all masters have to pass without a failure: the rollout of the first revisions takes them down. */
export const settleMs = 3 * 60_000

const never: BootstrapState = { kind: 'waiting', since: 0, reason: 'it was not seen to be complete' }

export function bootstrapClusters(
  { site, nodes }: Pick<Model, 'site' | 'nodes'>,
  now: () => number,
): BootstrapCluster[] {
  return site.clusters.flatMap((cluster) => {
    const own = nodes.filter((node) => node.cluster === cluster.name)
    const masters = own.filter(({ role }) => role === 'master')
    if (masters.length === 0 || !own.some(({ role }) => role === 'bootstrap')) return []
    return [{ name: cluster.name, kubeconfig: kubeconfigFile(cluster, now), masters }]
  })
}

/** Never rejects: a record that cannot be read is a line of the log, and every cluster is looked at anew. */
export async function watchBootstrap(options: BootstrapOptions): Promise<BootstrapWatch> {
  const { path, clock, log } = options
  const running = new Map<string, AbortController>()
  let record: BootstrapRecord = new Map()
  let clusters: readonly BootstrapCluster[] = []
  let writing: Promise<unknown> = Promise.resolve()
  let isClosed = false
  try {
    record = await readBootstrapRecord(path)
  } catch (error) {
    log.error({ file: path, reason: (error as Error).message }, 'what was known of bootstraps is lost')
  }

  const stateOf = (name: string): BootstrapState => record.get(name) ?? never

  /**
   * One after the other, so that the file holds what was said last.
   *
   * @returns what it was before; undefined when `signal` aborted meanwhile, and nothing is kept
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
      // A person was quicker.
      if ((await keep(name, state, signal)) === undefined) return
    } catch (error) {
      // Done all the same: it will be seen again after a restart.
      log.error({ file: path, reason: (error as Error).message }, 'bootstrap record not written')
      record = new Map(record).set(name, state)
    }
    log.info({ cluster: name, reason: evidence }, 'bootstrap is complete')
    options.onComplete(name, evidence)
  }

  function begin(cluster: BootstrapCluster): void {
    running.get(cluster.name)?.abort()
    const { kind, installedFrom } = stateOf(cluster.name)
    if (isClosed || kind !== 'waiting') return
    const abort = new AbortController()
    running.set(cluster.name, abort)
    const trouble = options.troubles(cluster.name, 'bootstrap')
    void look({ ...cluster, installedFrom }, options, trouble, abort.signal).then((evidence) => {
      // One that was begun in its place goes on where it was.
      if ((running.get(cluster.name) ?? abort) === abort) trouble.drop()
      return evidence === undefined ? undefined : complete(cluster.name, evidence, abort.signal)
    })
  }

  function swap(next: readonly BootstrapCluster[]): void {
    stop()
    clusters = next
    for (const cluster of clusters) begin(cluster)
  }

  function stop(): void {
    for (const abort of running.values()) abort.abort()
    running.clear()
  }

  /** @returns what it was before */
  async function decide(name: string, state: BootstrapState): Promise<BootstrapState | undefined> {
    running.get(name)?.abort()
    let before: BootstrapState | undefined
    try {
      before = await keep(name, state)
    } finally {
      // As the site has it by now.
      const current = clusters.find((each) => each.name === name)
      if (current !== undefined) begin(current)
    }
    if (state.kind !== 'out' && before?.kind === 'out') options.onUndone(name)
    return before
  }

  swap(options.clusters)
  return {
    state: () => new Map(clusters.map(({ name }) => [name, stateOf(name)])),
    async command(name, command) {
      if (!clusters.some((each) => each.name === name)) return undefined
      const kind = ({ keep: 'kept', out: 'out', watch: 'waiting' } as const)[command]
      const reason = `a person said so (bootstrap ${command})`
      const before = await decide(name, { kind, since: clock.now(), reason })
      log.info({ cluster: name, command, before: before?.kind }, 'bootstrap decided by command')
      if (kind === 'out' && before?.kind !== 'out') options.onComplete(name, reason)
      return stateOf(name)
    },
    async beginAnew(name) {
      if (!clusters.some((each) => each.name === name)) return
      const now = clock.now()
      const reason = 'it is installed anew'
      await decide(name, { kind: 'waiting', since: now, reason, installedFrom: now })
    },
    swap,
    close() {
      isClosed = true
      stop()
    },
  }
}

/** With when its bootstrap began to be installed anew, if it did. */
type Looked = BootstrapCluster & { readonly installedFrom: number | undefined }

/** @returns the evidence; undefined when it was aborted */
async function look(
  cluster: Looked,
  { connect, probe, clock }: BootstrapOptions,
  trouble: Trouble,
  signal: AbortSignal,
): Promise<string | undefined> {
  let passingSince: number | undefined
  // Masters of the installation before pass as well, as long as they stand.
  let mayCount = cluster.installedFrom === undefined
  while (!isOver(signal)) {
    const problem = kubeconfigProblem(cluster.kubeconfig)
    if (problem === undefined) {
      // Whether the cluster is heard remains to be seen.
      trouble.drop()
      return ask(cluster, connect(cluster.kubeconfig), trouble, signal)
    }
    trouble.say(problem)
    const now = clock.monotonic()
    const isPassing = await allPass(cluster, probe)
    mayCount ||= !isPassing
    passingSince = isPassing && mayCount ? (passingSince ?? now) : undefined
    if (passingSince !== undefined && clock.monotonic() - passingSince >= settleMs && !isOver(signal)) {
      const names = cluster.masters.map(({ name }) => name).join(', ')
      return `${names} passed their checks on 6443 and 22623 for ${settleMs / 60_000} minutes`
    }
    await pause(clock, roundMs, signal)
  }
  return undefined
}

async function ask(
  { kubeconfig, installedFrom = 0 }: Looked,
  api: ClusterConnection,
  trouble: Trouble,
  signal: AbortSignal,
): Promise<string | undefined> {
  const ended = new AbortController()
  let evidence: string | undefined
  const see = (configMap: ConfigMap): void => {
    const isOlder =
      installedFrom > 0 && !(Date.parse(textOf(configMap.metadata?.creationTimestamp)) >= installedFrom)
    if (isOlder || !isBootstrapComplete(configMap)) return
    evidence = `the ConfigMap bootstrap in kube-system says complete (${kubeconfig.path})`
    ended.abort()
  }
  await api.follow<ConfigMap>(
    apiPaths.bootstrapConfigMap,
    {
      onList: (items) => items.forEach(see),
      onEvent: (type, item) => type !== 'DELETED' && see(item),
      onOutage: (sentence) => trouble.say(sentence),
      onReachable: () => trouble.end(),
      onRollback: () => {},
    },
    AbortSignal.any([signal, ended.signal]),
  )
  api.close()
  return evidence
}

async function allPass({ masters }: BootstrapCluster, probe: Probe): Promise<boolean> {
  const urls = masters.flatMap(({ address }) => {
    const host = formatIp(address).includes(':') ? `[${formatIp(address)}]` : formatIp(address)
    return [`https://${host}:6443/readyz`, `https://${host}:22623/healthz`]
  })
  return (await Promise.all(urls.map(probe))).every(Boolean)
}

function isOver(signal: AbortSignal): boolean {
  return signal.aborted
}
