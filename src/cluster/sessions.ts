/** One session for each cluster of the site. A reload keeps the sessions of clusters that did not change. */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import { clusterDomain } from '../plan/model.ts'
import { formatIp } from '../proto/address/ip.ts'
import { endpointsOf } from '../site/declared.ts'
import { kubeconfigPath } from '../site/file-paths.ts'
import type { Cluster } from '../site/schema.ts'
import { kubeconfigFile } from './kubeconfig/file.ts'
import { openSession, type ClusterSession, type SessionOptions } from './session.ts'

export type Sessions = {
  /** @param cluster its name in the site */
  get(cluster: string): ClusterSession | undefined
  /** Applies the clusters of a reloaded site. Users of a session that was replaced have to get the new one. */
  swap(clusters: readonly Cluster[]): void
  close(): void
}

export type SessionsOptions = Pick<SessionOptions, 'connect'> & {
  readonly clusters: readonly Cluster[]
  readonly clock: Clock
  readonly log: Log
}

export function createSessions({ clusters, clock, log, connect }: SessionsOptions): Sessions {
  type Entry = { readonly identity: string; readonly session: ClusterSession }
  let entries: ReadonlyMap<string, Entry> = new Map()

  function open(cluster: Cluster): ClusterSession {
    const kubeconfig = kubeconfigFile(cluster, () => clock.now())
    return openSession({ cluster: cluster.name, kubeconfig, clock, log, ...(connect && { connect }) })
  }

  function swap(next: readonly Cluster[]): void {
    const before = entries
    entries = new Map(
      next.map((cluster) => {
        const identity = identityOf(cluster)
        const old = before.get(cluster.name)
        return [cluster.name, old?.identity === identity ? old : { identity, session: open(cluster) }]
      }),
    )
    for (const [name, old] of before) if (entries.get(name) !== old) old.session.close()
  }

  swap(clusters)
  return { get: (cluster) => entries.get(cluster)?.session, swap, close: () => swap([]) }
}

/** The settings that decide which servers the kubeconfig may name. */
function identityOf(cluster: Cluster): string {
  const path = kubeconfigPath(cluster)
  const { api, apiInternal } = endpointsOf(cluster)
  return [path, clusterDomain(cluster), ...[...api, ...apiInternal].map(formatIp)].join(' ')
}
