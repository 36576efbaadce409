/** The metrics of clusters: names, counts, and times, but no reasons, which can name files. Pure. */
import type { ClusterStatus, MemberReport } from './report.ts'
import { gauge, type MetricFamily } from '../host/exposition.ts'

const states: readonly MemberReport['state'][] = ['absent', 'not-ready', 'ready', 'unknown']

/** Returns metrics of the clusters that have a kubeconfig. */
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
