/** What a running slipway tells Prometheus of clusters: names, counts and times; no reasons. Pure. */
import type { ClusterStanding, MemberReport } from './cluster/report.ts'
import { gauge, type MetricFamily } from './host/exposition.ts'

const states: readonly MemberReport['state'][] = ['absent', 'not-ready', 'ready', 'unknown']

/** Of the clusters that somebody can ask; counters of certificate requests are among the others. */
export function clusterFamilies(standings: readonly ClusterStanding[] = []): MetricFamily[] {
  const asked = standings.filter(({ stages }) => stages.length > 0)
  if (asked.length === 0) return []
  return [
    gauge(
      'slipway_cluster_heard',
      "Whether a cluster's API answers all that it is asked.",
      asked.map(({ cluster, trouble }) => ({
        labels: { cluster },
        value: trouble === undefined ? 1 : 0,
      })),
    ),
    gauge(
      'slipway_cluster_stage_reached_timestamp_seconds',
      'When a stage of its installation was reached; absent before, and where nobody saw when.',
      asked.flatMap(({ cluster, stages }) =>
        stages.flatMap(({ name: stage, reachedAt }) =>
          reachedAt === undefined
            ? []
            : [{ labels: { cluster, stage }, value: Math.round(reachedAt / 1000) }],
        ),
      ),
    ),
    gauge(
      'slipway_cluster_nodes',
      'Declared nodes but the bootstrap, by what their cluster says of them.',
      asked.flatMap(({ cluster, members }) =>
        states.map((state) => ({
          labels: { cluster, state },
          value: members.filter((member) => member.state === state).length,
        })),
      ),
    ),
    gauge(
      'slipway_csr_pending',
      'Undecided certificate requests of a cluster; absent while it is not heard.',
      asked.flatMap(({ cluster, requests: { pending } }) =>
        pending === undefined ? [] : [{ labels: { cluster }, value: pending }],
      ),
    ),
  ]
}
