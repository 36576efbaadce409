/** The state of a cluster as plain data, for the local API and the command line, and as metrics. Pure. */
import { gauge, type MetricFamily } from '../host/counters.ts'
import type { Approval } from '../site/schema.ts'
import type { ClusterCode } from './codes.ts'
import type { BootstrapState } from './records.ts'

/** Times in milliseconds since 1970. */
export type StageReport = {
  /** `API`, `bootstrap`, `etcd`, `nodes`, `version`, or `operators`. */
  readonly name: string
  /** `under-way`: in progress. `ahead`: another stage comes first. `unknown`: the cluster is not reachable. */
  readonly state: 'reached' | 'under-way' | 'ahead' | 'unknown'
  /** When it was first seen in progress; absent if it was reached before slipway first queried the cluster. */
  readonly since?: number
  /** When it was seen to be reached; absent if it was reached before slipway first queried the cluster. */
  readonly reachedAt?: number
  /** The version of the API, or why it counts as reached. */
  readonly note?: string
  /** What it still needs, in lines of text. */
  readonly missing: readonly string[]
  /** The code of each line of `missing`, in the same order; absent if nothing is missing. */
  readonly codes?: readonly ClusterCode[]
}

export type MemberReport = {
  /** The key of the node. */
  readonly node: string
  readonly state: 'absent' | 'not-ready' | 'ready' | 'unknown'
  /** Milliseconds since 1970, as the cluster reports it. */
  readonly since?: number
  readonly code?: ClusterCode
  /** Why it is not Ready. */
  readonly reason?: string
}

export type ClusterReport = {
  readonly cluster: string
  /** Why the API, or a part of it, is not reachable: a sentence. */
  readonly trouble?: string
  /** The code of `trouble`. */
  readonly code?: ClusterCode
  /** Sorted as in an installation; empty for a cluster without a kubeconfig. */
  readonly stages: readonly StageReport[]
  /** All declared nodes except the bootstrap, in the order of the site. */
  readonly members: readonly MemberReport[]
}

export type RequestCounts = {
  readonly approve: Approval
  /** Requests without a decision, from any requester; absent while they are not known. */
  readonly pending?: number
  /** Approved by slipway since it started. */
  readonly approved: number
}

/** Why the load balancer still sends connections to a bootstrap that is complete. */
export type DrainRefusal = {
  /** A code of the load balancer, for example `haproxy.last-server`. */
  readonly code: string
  /** A sentence. */
  readonly reason: string
}

export type ClusterStatus = ClusterReport & {
  /** Absent if the cluster has no bootstrap, or no masters. */
  readonly bootstrap?: BootstrapState & { readonly refusal?: DrainRefusal }
  readonly requests: RequestCounts
}

const states: readonly MemberReport['state'][] = ['absent', 'not-ready', 'ready', 'unknown']

/**
 * Returns metrics of the clusters that have a kubeconfig: names, counts, and times, but no reasons, which can name
 * files.
 */
export function clusterFamilies(clusters: readonly ClusterStatus[] = []): MetricFamily[] {
  const reported = clusters.filter(({ stages }) => stages.length > 0)
  if (reported.length === 0) return []
  return [
    gauge(
      'slipway_cluster_heard',
      "1 if everything slipway reads from the cluster's API is reachable, else 0.",
      reported.map(({ cluster, trouble }) => ({
        labels: { cluster },
        value: trouble === undefined ? 1 : 0,
      })),
    ),
    gauge(
      'slipway_cluster_stage_reached_timestamp_seconds',
      'When a stage of the installation was reached; absent before, and if the time is not known.',
      reported.flatMap(({ cluster, stages }) =>
        stages.flatMap(({ name: stage, reachedAt }) =>
          reachedAt === undefined
            ? []
            : [{ labels: { cluster, stage }, value: Math.round(reachedAt / 1000) }],
        ),
      ),
    ),
    gauge(
      'slipway_cluster_nodes',
      'Declared nodes except the bootstrap, by their state in the cluster.',
      reported.flatMap(({ cluster, members }) =>
        states.map((state) => ({
          labels: { cluster, state },
          value: members.filter((member) => member.state === state).length,
        })),
      ),
    ),
    gauge(
      'slipway_csr_pending',
      'Pending certificate requests of a cluster; absent while it is not reachable.',
      reported.flatMap(({ cluster, requests: { pending } }) =>
        pending === undefined ? [] : [{ labels: { cluster }, value: pending }],
      ),
    ),
  ]
}
