/**
 * What is done with the clusters' own APIs while slipway serves: a bootstrap that has done its work leaves the load
 * balancer, and certificate requests of declared nodes are approved. Both are the clusters' rooms; here they are joined.
 */
import { join } from 'node:path'
import { bootstrapClusters, watchBootstrap, type BootstrapCommand } from './cluster/bootstrap.ts'
import type { BootstrapState } from './cluster/bootstrap-record.ts'
import { connectCluster, type ClusterConnection } from './cluster/client.ts'
import { createApprover, type Approver, type PendingCsrs } from './cluster/csr/approver.ts'
import { csrNodes } from './cluster/csr/policy.ts'
import { sightingOf } from './cluster/csr/sighting.ts'
import { kubeconfigFile, type KubeconfigFile } from './cluster/kubeconfig-file.ts'
import { probe } from './cluster/probe.ts'
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
  /** Keeps what was decided of bootstraps. */
  readonly directory: string
  readonly installs: Pick<Installs, 'list' | 'history' | 'subscribe'>
  readonly balancer: Pick<Balancer, 'takeOut' | 'putBack'>
  readonly clock: Clock
  readonly log: Log
  readonly counters: Counters
}

export type Clusters = {
  /** Of each cluster with `approve`. */
  csrs(): readonly PendingCsrs[]
  /** By the cluster's name. */
  bootstraps(): Readonly<Record<string, BootstrapState>>
  /** @returns undefined for a cluster without a bootstrap. @throws when it cannot be kept; then nothing is done */
  commandBootstrap(cluster: string, command: BootstrapCommand): Promise<BootstrapState | undefined>
  /** Takes over what the site says now. */
  swap(site: Site): void
  close(): void
}

type Approval = { readonly approver: Approver; readonly connection: ClusterConnection }

/** Resolves when what is known of bootstraps is with the balancer. */
export async function followClusters(options: ClustersOptions): Promise<Clusters> {
  const { nodes, directory, installs, balancer, clock, log } = options
  const connect = (kubeconfig: KubeconfigFile) => connectCluster({ kubeconfig, clock })
  const bootstrapsOf = (cluster: string) =>
    nodes().filter((node) => node.cluster === cluster && node.role === 'bootstrap')
  const takeOut = async (cluster: string): Promise<void> => {
    for (const { key } of bootstrapsOf(cluster)) {
      const done = await balancer.takeOut(key)
      if (done.outcome === 'kept') log.warn({ node: key, reason: done.reason }, 'bootstrap not taken out')
    }
  }

  const watch = await watchBootstrap({
    ...{ connect, probe, clock, log, path: join(directory, 'bootstraps.json') },
    clusters: bootstrapClusters({ site: options.site, nodes: nodes() }, () => clock.now()),
    onComplete: (cluster) => void takeOut(cluster),
    onUndone: (cluster) => bootstrapsOf(cluster).forEach(({ key }) => void balancer.putBack(key)),
  })
  for (const [cluster, { kind }] of watch.state()) if (kind === 'out') await takeOut(cluster)

  const unsubscribe = installs.subscribe((seen) => {
    if (seen.kind !== 'state') return
    for (const { approver } of approvals) approver.reconsider()
    const node = nodes().find(({ key }) => key === seen.node)
    if (seen.to !== 'installing' || node?.role !== 'bootstrap') return
    // Another installation has another end.
    watch.command(node.cluster, 'watch').catch((error: unknown) => {
      log.error({ node: node.key, err: error }, 'bootstrap record not written')
    })
  })

  let approvals = approve(options, options.site, connect)
  const end = (): void => {
    for (const { approver, connection } of approvals) {
      approver.close()
      connection.close()
    }
  }
  return {
    csrs: () => approvals.map(({ approver }) => approver.pending()),
    bootstraps: () => Object.fromEntries(watch.state()),
    commandBootstrap: (cluster, command) => watch.command(cluster, command),
    swap(site) {
      end()
      approvals = approve(options, site, connect)
      watch.swap(bootstrapClusters({ site, nodes: nodes() }, () => clock.now()))
    },
    close() {
      unsubscribe()
      watch.close()
      end()
    },
  }
}

function approve(
  { nodes, installs, clock, log, counters }: ClustersOptions,
  site: Site,
  connect: (kubeconfig: KubeconfigFile) => ClusterConnection,
): readonly Approval[] {
  return site.clusters
    .filter(({ approve }) => approve !== 'off')
    .map((cluster) => {
      const connection = connect(kubeconfigFile(cluster, () => clock.now()))
      const approver = createApprover({
        ...{ cluster: cluster.name, api: connection, isDryRun: cluster.approve === 'dry-run' },
        ...{ clock, log, counters },
        nodes: () => csrNodes(nodes(), cluster.name),
        seen: (key) => sightingOf(recordOf(installs, key), installs.history(key)),
      })
      return { approver, connection }
    })
}

function recordOf(installs: Pick<Installs, 'list'>, key: string) {
  return installs.list().find(({ node }) => node === key) ?? {}
}
