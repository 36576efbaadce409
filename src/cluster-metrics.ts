/** What a running slipway tells Prometheus of clusters: names, counts and times; no reasons. Pure. */
import type { ClusterStanding, MemberReport } from './cluster/report.ts'
import type { MetricFamily } from './host/exposition.ts'

const states: readonly MemberReport['state'][] = ['absent', 'not-ready', 'ready', 'unknown']

/** Of the clusters that somebody can ask; counters of certificate requests are among the others. */
export function clusterFamilies(standings: readonly ClusterStanding[] = []): MetricFamily[] {
  const asked = standings.filter(({ stages }) => stages.length > 0)
  if (asked.length === 0) return []
  return [
    {
      name: 'slipway_cluster_heard',
      type: 'gauge',
      help: "Whether a cluster's API answers all that it is asked.",
      samples: asked.map(({ cluster, trouble }) => ({
        labels: { cluster },
        value: trouble === undefined ? 1 : 0,
      })),
    },
    {
      name: 'slipway_cluster_stage_reached_timestamp_seconds',
      type: 'gauge',
      help: 'When a stage of its installation was reached; absent before, and where nobody saw when.',
      samples: asked.flatMap(({ cluster, stages }) =>
        stages.flatMap(({ name: stage, reachedAt }) =>
          reachedAt === undefined
            ? []
            : [{ labels: { cluster, stage }, value: Math.round(reachedAt / 1000) }],
        ),
      ),
    },
    {
      name: 'slipway_cluster_nodes',
      type: 'gauge',
      help: 'Declared nodes but the bootstrap, by what their cluster says of them.',
      samples: asked.flatMap(({ cluster, members }) =>
        states.map((state) => ({
          labels: { cluster, state },
          value: members.filter((member) => member.state === state).length,
        })),
      ),
    },
    {
      name: 'slipway_csr_pending',
      type: 'gauge',
      help: 'Undecided certificate requests of a cluster; absent while it is not heard.',
      samples: asked.flatMap(({ cluster, requests: { pending } }) =>
        pending === undefined ? [] : [{ labels: { cluster }, value: pending }],
      ),
    },
  ]
}
