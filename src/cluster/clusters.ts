/**
 * Everything slipway does with the clusters' APIs while it serves: it drains a bootstrap that is complete, approves the
 * certificate requests of declared nodes, and tracks the progress of each cluster and its nodes. Connects these parts;
 * all of them read from the cluster's session.
 */
import { join } from 'node:path'
import type { Clock, Timer } from '../host/clock.ts'
import type { Counters } from '../host/counters.ts'
import type { Log } from '../host/log.ts'
import type { Installs } from '../install/installs.ts'
import type { MemberModel } from '../plan/model.ts'
import type { Site } from '../site/schema.ts'
import { bootstrapClusters, probe, watchBootstraps, type BootstrapCommand } from './bootstrap.ts'
import { createApprover, type Approver, type PendingCsrs } from './csr/approver.ts'
import { clientSigner } from './objects.ts'
import { bootEvidenceOf, csrNodes } from './csr/boot-evidence.ts'
import { createMemberHistory } from './evaluate/members.ts'
import { trackedClusters, trackProgress } from './progress.ts'
import type { BootstrapState } from './records.ts'
import type { ClusterStatus, DrainRefusal } from './report.ts'
import { loadDecoder } from './kubeconfig/file.ts'
import type { Sessions } from './session.ts'

export type ClustersOptions = {
  readonly site: Site
  readonly sessions: Sessions
  /** Returns all declared nodes of the active plan. */
  readonly nodes: () => readonly MemberModel[]
  /** The directory of the records: the state of bootstraps, and the progress of clusters. */
  readonly directory: string
  readonly installs: Pick<Installs, 'list' | 'history' | 'subscribe' | 'observe'>
  /** Stops new connections to a node. Resolves with a refusal if its servers stay. @param node its key */
  readonly drain: (node: string) => Promise<DrainRefusal | undefined>
  /** Sends connections to a node again. @param node its key */
  readonly enable: (node: string) => Promise<unknown>
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

export type Clusters = {
  /** Returns the pending requests of each cluster with `approve`. */
  csrs(): readonly PendingCsrs[]
  /** Returns the status of every cluster, in the order of the site. */
  reports(): readonly ClusterStatus[]
  /**
   * Whether the installations know what the cluster reports about a node, or there is no cluster that could have it. The
   * bootstrap is never one of its nodes.
   *
   * @param node its key
   */
  isRead(node: string): boolean
  /** Returns the states of bootstraps by cluster name. */
  bootstraps(): Readonly<Record<string, BootstrapState>>
  /**
   * Approves a pending request for an administrator.
   *
   * @param by the user
   * @returns undefined for a request that slipway does not know, for example of a cluster without `approve`
   */
  approve(cluster: string, request: string, by: string): ReturnType<Approver['approveFor']>
  /**
   * @param by the user
   * @returns undefined for a cluster without a bootstrap
   * @throws when the state cannot be written; then nothing is done
   */
  commandBootstrap(
    cluster: string,
    command: BootstrapCommand,
    by?: string,
  ): Promise<BootstrapState | undefined>
  /** Applies a reloaded site, after its sessions. */
  swap(site: Site): void
  /** Resolves when the records are written. */
  close(): Promise<void>
}

/** The masters of a new cluster pass their health checks some time after the bootstrap is complete. */
const drainRetryMs = 30_000

/** The installation of a cluster starts with that of a node with one of these roles. */
const firstRoles: readonly MemberModel['role'][] = ['bootstrap', 'single']

/** Resolves when bootstraps that were complete before are drained. */
export async function followClusters(options: ClustersOptions): Promise<Clusters> {
  const { nodes, sessions, directory, installs, clock, log } = options
  await loadDecoder()
  const bootstrapsOf = (cluster: string) =>
    nodes().filter((node) => node.cluster === cluster && node.role === 'bootstrap')
  /** Why a complete bootstrap still gets connections, by cluster name. */
  const refusals = new Map<string, DrainRefusal>()
  let retry: Timer | undefined
  const drain = async (cluster: string): Promise<void> => {
    for (const { key } of bootstrapsOf(cluster)) {
      const refusal = await options.drain(key)
      if (refusal !== undefined && refusal.reason !== refusals.get(cluster)?.reason) {
        log.warn({ node: key, ...refusal }, 'bootstrap not drained')
      }
      if (refusal === undefined) refusals.delete(cluster)
      else refusals.set(cluster, refusal)
    }
    if (refusals.size > 0) retry ??= clock.after(drainRetryMs, drainAgain)
  }
  const drainAgain = (): void => {
    retry = undefined
    for (const cluster of refusals.keys()) {
      if (bootstraps.states().get(cluster)?.kind === 'out') void drain(cluster)
      else refusals.delete(cluster)
    }
  }

  const bootstraps = await watchBootstraps({
    probe,
    clock,
    log,
    path: join(directory, 'bootstraps.json'),
    clusters: bootstrapClusters({ site: options.site, members: nodes() }, sessions),
    onComplete: (cluster) => void drain(cluster),
    onUndone: (cluster) => bootstrapsOf(cluster).forEach(({ key }) => void options.enable(key)),
  })
  for (const [cluster, { kind }] of bootstraps.states()) if (kind === 'out') await drain(cluster)

  const history = createMemberHistory({ history: (key) => installs.history(key), observe: installs.observe })
  const progress = await trackProgress({
    directory,
    clock,
    log,
    clusters: trackedClusters({ site: options.site, members: nodes() }, sessions),
    onMember: (key, node) => history.update(key, node),
  })

  const unsubscribe = installs.subscribe((seen) => {
    if (seen.kind === 'command' && seen.command === 'forget') {
      history.forget(seen.node)
      progress.reportAgain()
    }
    if (seen.kind !== 'state' && seen.kind !== 'callback') return
    for (const approver of approvers) approver.reconsider()
    if (seen.kind !== 'state') return
    const node = nodes().find(({ key }) => key === seen.node)
    if (seen.to !== 'installing' || node === undefined || !firstRoles.includes(node.role)) return
    progress.restart(node.cluster)
    bootstraps.restart(node.cluster).catch((error: unknown) => {
      log.error({ node: node.key, err: error }, 'bootstrap record write failed')
    })
  })

  let { site } = options
  /** A reload replaces the plan some time before `swap`. */
  let reportedNodes = nodes()
  let reportedByKey = byKey(reportedNodes)
  /** The number of approved requests by cluster name, including those before a reload. */
  const approved = new Map<string, number>()
  let approvers = startApprovers(options, site, approved)
  return {
    csrs: () => approvers.map((approver) => approver.pending()),
    reports() {
      const modes = new Map(site.clusters.map((cluster) => [cluster.name, cluster.approve]))
      const states = bootstraps.states()
      return progress.reports().map(({ pendingRequests: pending, ...report }) => {
        const { cluster } = report
        const bootstrap = states.get(cluster)
        return {
          ...report,
          ...(bootstrap !== undefined && { bootstrap: withRefusal(bootstrap, refusals.get(cluster)) }),
          requests: {
            approve: modes.get(cluster) ?? 'off',
            approved: approved.get(cluster) ?? 0,
            ...(pending !== undefined && { pending }),
          },
        }
      })
    },
    isRead(key) {
      if (nodes() !== reportedNodes) return false
      const node = reportedByKey.get(key)
      const session = node && sessions.get(node.cluster)
      if (node === undefined || node.role === 'bootstrap' || session === undefined) return true
      const isReported = progress.hasReported(key) || session.cannotReadNodes()
      return isReported && progress.isMembershipKnown(key)
    },
    bootstraps: () => Object.fromEntries(bootstraps.states()),
    approve(cluster, request, by) {
      const approver = approvers.find((each) => each.cluster === cluster)
      return approver?.approveFor(by, request) ?? Promise.resolve(undefined)
    },
    commandBootstrap: (cluster, command, by) => bootstraps.command(cluster, command, by),
    swap(next) {
      site = next
      const old = approvers
      approvers = startApprovers(options, site, approved)
      // Afterwards, so that the list-watch continues.
      for (const approver of old) approver.close()
      bootstraps.swap(bootstrapClusters({ site, members: nodes() }, sessions))
      // Another machine can have the name of a node.
      history.forget()
      reportedNodes = nodes()
      reportedByKey = byKey(reportedNodes)
      progress.swap(trackedClusters({ site, members: reportedNodes }, sessions))
    },
    close() {
      unsubscribe()
      retry?.cancel()
      refusals.clear()
      bootstraps.close()
      for (const approver of approvers) approver.close()
      return progress.close()
    },
  }
}

function byKey(nodes: readonly MemberModel[]): ReadonlyMap<string, MemberModel> {
  return new Map(nodes.map((node) => [node.key, node]))
}

function withRefusal(
  state: BootstrapState,
  refusal: DrainRefusal | undefined,
): NonNullable<ClusterStatus['bootstrap']> {
  return state.kind === 'out' && refusal !== undefined ? { ...state, refusal } : state
}

/** Starts an approver for each cluster with `approve`. */
function startApprovers(
  { nodes, sessions, installs, clock, log, counters }: ClustersOptions,
  site: Site,
  approved: Map<string, number>,
): readonly Approver[] {
  return site.clusters.flatMap(({ name: cluster, approve }) => {
    const session = sessions.get(cluster)
    if (approve === 'off' || session === undefined) return []
    return createApprover({
      cluster,
      session,
      isDryRun: approve === 'dry-run',
      clock,
      log,
      counters,
      known() {
        const records = new Map(installs.list().map((record) => [record.node, record]))
        return {
          nodes: csrNodes(nodes(), cluster),
          bootEvidence: (key) => bootEvidenceOf(records.get(key) ?? {}),
        }
      },
      approved: () => approved.get(cluster) ?? 0,
      onApproved({ node, signer, name: reason }) {
        approved.set(cluster, (approved.get(cluster) ?? 0) + 1)
        const word = signer === clientSigner ? 'approved-client' : 'approved-serving'
        installs.observe({ node, kind: 'cluster', word, reason })
      },
    })
  })
}
