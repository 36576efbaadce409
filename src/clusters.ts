/**
 * What is done with the clusters' own APIs while slipway serves: a bootstrap that has done its work leaves the load
 * balancer, certificate requests of declared nodes are approved, and how far each cluster and its nodes have come is
 * followed. All three are the clusters' rooms; here they are joined.
 */
import { join } from 'node:path'
import { bootstrapClusters, watchBootstrap, type BootstrapCommand } from './cluster/bootstrap.ts'
import type { BootstrapState } from './cluster/bootstrap-record.ts'
import { connectCluster, type ClusterConnection } from './cluster/connection/client.ts'
import { createApprover, type Approver, type PendingCsrs } from './cluster/csr/approver.ts'
import { clientSigner, csrNodes } from './cluster/csr/policy.ts'
import { sightingOf } from './cluster/csr/sighting.ts'
import { kubeconfigFile, type KubeconfigFile } from './cluster/kubeconfig/file.ts'
import { probe } from './cluster/probe.ts'
import { followedClusters, followProgress } from './cluster/progress.ts'
import type { ClusterStanding } from './cluster/report.ts'
import { createTroubles, type Troubles } from './cluster/troubles.ts'
import { createWitness } from './cluster/witness.ts'
import type { Clock } from './host/clock.ts'
import type { Counters } from './host/counters.ts'
import type { Log } from './host/log.ts'
import type { Installs } from './install/installs.ts'
import type { NodeModel } from './plan/model.ts'
import type { Balancer } from './serve/haproxy/balancer.ts'
import type { Site } from './site/schema.ts'

export type ClustersOptions = {
  readonly site: Site
  /** Of the plan that is served now. */
  readonly nodes: () => readonly NodeModel[]
  /** Keeps what was decided of bootstraps, and how far clusters came. */
  readonly directory: string
  readonly installs: Pick<Installs, 'list' | 'history' | 'subscribe' | 'observe'>
  readonly balancer: Pick<Balancer, 'drain' | 'enable'>
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

export type Clusters = {
  /** Of each cluster with `approve`. */
  csrs(): readonly PendingCsrs[]
  /** Of every cluster, in the order of the site. */
  reports(): readonly ClusterStanding[]
  /** By the cluster's name. */
  bootstraps(): Readonly<Record<string, BootstrapState>>
  /** @returns undefined for a cluster without a bootstrap. @throws when it cannot be kept; then nothing is done */
  commandBootstrap(cluster: string, command: BootstrapCommand): Promise<BootstrapState | undefined>
  /** Takes over what the site says now. */
  swap(site: Site): void
  /** Resolves when what was kept is on the disk. */
  close(): Promise<void>
}

/** What outlives a reload. */
type Shared = {
  readonly connect: (kubeconfig: KubeconfigFile) => ClusterConnection
  readonly troubles: Troubles
  /** By the cluster's name: how many requests were approved. */
  readonly approved: Map<string, number>
}

type Approval = { readonly approver: Approver; readonly connection: ClusterConnection }

/** With their installation begins that of their cluster. */
const beginners: readonly NodeModel['role'][] = ['bootstrap', 'single']

/** Resolves when what is known of bootstraps is with the balancer. */
export async function followClusters(options: ClustersOptions): Promise<Clusters> {
  const { nodes, directory, installs, balancer, clock, log } = options
  const now = () => clock.now()
  const troubles = createTroubles(log)
  const connect = (kubeconfig: KubeconfigFile) => connectCluster({ kubeconfig, clock })
  const bootstrapsOf = (cluster: string) =>
    nodes().filter((node) => node.cluster === cluster && node.role === 'bootstrap')
  const takeOut = async (cluster: string): Promise<void> => {
    for (const { key } of bootstrapsOf(cluster)) {
      const done = await balancer.drain(key)
      if (done.outcome === 'kept') log.warn({ node: key, reason: done.reason }, 'bootstrap not taken out')
    }
  }

  const watch = await watchBootstrap({
    ...{ connect, probe, clock, log, troubles, path: join(directory, 'bootstraps.json') },
    clusters: bootstrapClusters({ site: options.site, nodes: nodes() }, now),
    onComplete: (cluster) => void takeOut(cluster),
    onUndone: (cluster) => bootstrapsOf(cluster).forEach(({ key }) => void balancer.enable(key)),
  })
  for (const [cluster, { kind }] of watch.state()) if (kind === 'out') await takeOut(cluster)

  const witness = createWitness({ history: (key) => installs.history(key), observe: installs.observe })
  const progress = await followProgress({
    ...{ connect, directory, clock, log, troubles },
    clusters: followedClusters({ site: options.site, nodes: nodes() }, now),
    onMember: (key, node) => witness.look(key, node),
  })

  const unsubscribe = installs.subscribe((seen) => {
    if (seen.kind === 'command' && seen.command === 'forget') witness.forget(seen.node)
    if (seen.kind !== 'state') return
    for (const { approver } of approvals) approver.reconsider()
    const node = nodes().find(({ key }) => key === seen.node)
    if (seen.to !== 'installing' || node === undefined || !beginners.includes(node.role)) return
    // Another installation has stages and an end of its own.
    progress.beginAnew(node.cluster)
    watch.beginAnew(node.cluster).catch((error: unknown) => {
      log.error({ node: node.key, err: error }, 'bootstrap record not written')
    })
  })

  let { site } = options
  const approved: Shared['approved'] = new Map()
  let approvals = approve(options, site, { connect, troubles, approved })
  const end = (): void => {
    for (const { approver, connection } of approvals) {
      approver.close()
      connection.close()
    }
  }
  return {
    csrs: () => approvals.map(({ approver }) => approver.pending()),
    reports() {
      const modes = new Map(site.clusters.map((cluster) => [cluster.name, cluster.approve]))
      const bootstraps = watch.state()
      return progress.reports().map(({ pendingRequests: pending, ...report }) => {
        const { cluster } = report
        const bootstrap = bootstraps.get(cluster)
        return {
          ...report,
          ...(bootstrap === undefined ? {} : { bootstrap }),
          requests: {
            ...{ approve: modes.get(cluster) ?? 'off', approved: approved.get(cluster) ?? 0 },
            ...(pending === undefined ? {} : { pending }),
          },
        }
      })
    },
    bootstraps: () => Object.fromEntries(watch.state()),
    commandBootstrap: (cluster, command) => watch.command(cluster, command),
    swap(next) {
      end()
      site = next
      approvals = approve(options, site, { connect, troubles, approved })
      watch.swap(bootstrapClusters({ site, nodes: nodes() }, now))
      progress.swap(followedClusters({ site, nodes: nodes() }, now))
    },
    close() {
      unsubscribe()
      watch.close()
      end()
      return progress.close()
    },
  }
}

function approve(
  { nodes, installs, clock, log, counters }: ClustersOptions,
  site: Site,
  { connect, troubles, approved }: Shared,
): readonly Approval[] {
  return site.clusters
    .filter(({ approve }) => approve !== 'off')
    .map((cluster) => {
      const connection = connect(kubeconfigFile(cluster, () => clock.now()))
      const approver = createApprover({
        ...{ cluster: cluster.name, api: connection, isDryRun: cluster.approve === 'dry-run' },
        ...{ clock, log, counters, troubles },
        nodes: () => csrNodes(nodes(), cluster.name),
        seen: (key) => sightingOf(recordOf(installs, key), installs.history(key)),
        approved: () => approved.get(cluster.name) ?? 0,
        onApproved({ node, signer, name: reason }) {
          approved.set(cluster.name, (approved.get(cluster.name) ?? 0) + 1)
          const word = signer === clientSigner ? 'approved-client' : 'approved-serving'
          installs.observe({ node, kind: 'cluster', word, reason })
        },
      })
      return { approver, connection }
    })
}

function recordOf(installs: Pick<Installs, 'list'>, key: string) {
  return installs.list().find(({ node }) => node === key) ?? {}
}
