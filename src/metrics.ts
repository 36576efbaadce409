/** What a running slipway tells Prometheus. Names of nodes and counts; no addresses, reasons or secrets. Pure. */
import { clusterFamilies } from './cluster/metrics.ts'
import type { ClusterStatus } from './cluster/report.ts'
import { gauge, renderExposition, type MetricFamily } from './host/exposition.ts'
import type { NodeRecord } from './install/installs.ts'
import { modes } from './install/node-states.ts'
import type { IgnitionExpiry } from './plan/ignition/findings.ts'
import type { BalancerState } from './serve/haproxy/balancer.ts'
import { haproxyFamilies } from './serve/haproxy/metrics.ts'

export type Measured = {
  readonly site: string
  readonly uptimeSeconds: number
  readonly counters: Readonly<Record<string, number>>
  /** By stable code. */
  readonly refusals?: Readonly<Record<string, number>>
  /** Absent where nobody remembers what nodes do. */
  readonly records?: readonly NodeRecord[]
  readonly ignition: readonly IgnitionExpiry[]
  /** Absent where the site leaves HAProxy alone. */
  readonly haproxy?: BalancerState
  /** Absent where no cluster is followed. */
  readonly clusters?: readonly ClusterStatus[]
  /** Milliseconds since 1970. */
  readonly now: number
}

export function renderMetrics(measured: Measured): string {
  const { site, uptimeSeconds, counters, records, ignition, haproxy, now } = measured
  return renderExposition([
    gauge('slipway_info', 'Always 1; the label names the site.', [{ labels: { site }, value: 1 }]),
    gauge('slipway_uptime_seconds', 'How long slipway has been running.', [{ value: uptimeSeconds }]),
    ...(records === undefined ? [] : nodeFamilies(records, now)),
    gauge(
      'slipway_ignition_expiry_timestamp_seconds',
      'When the first certificate in an Ignition file that nodes install with expires.',
      ignition.map(({ cluster, kind, expiresAt }) => ({
        labels: { cluster, kind },
        value: Math.round(expiresAt / 1000),
      })),
    ),
    ...(haproxy === undefined ? [] : haproxyFamilies(haproxy)),
    ...clusterFamilies(measured.clusters),
    refusalFamily(measured.refusals ?? {}),
    ...Object.entries(counters).map(([name, value]) => counterFamily(name, value)),
  ])
}

function nodeFamilies(records: readonly NodeRecord[], now: number): MetricFamily[] {
  return [
    gauge(
      'slipway_nodes',
      'Declared nodes, by what their next network boot leads to.',
      // All of them, so that a mode that nobody is in any more reads 0 and not as its last value.
      modes.map((mode) => ({
        labels: { mode },
        value: records.filter((record) => record.mode === mode).length,
      })),
    ),
    gauge(
      'slipway_node_since_seen_seconds',
      'How long nothing was seen of a node; absent before it was seen.',
      records.flatMap(({ node, lastSeen }) =>
        lastSeen === undefined
          ? []
          : [{ labels: { node }, value: Math.max(0, Math.round((now - lastSeen) / 1000)) }],
      ),
    ),
  ]
}

function refusalFamily(refusals: Readonly<Record<string, number>>): MetricFamily {
  const samples = Object.entries(refusals).map(([code, value]) => ({ labels: { code }, value }))
  const help = 'Refused requests since the start, by stable code (docs/codes.md).'
  return { name: 'slipway_refusals_total', type: 'counter', help, samples }
}

/** `dns.cacheHits` is `slipway_dns_cache_hits_total`. */
function counterFamily(counter: string, value: number): MetricFamily {
  const name = counter
    .replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replaceAll(/[^a-z0-9_]/g, '_')
  const help = `How often ${counter} was counted since the start.`
  return { name: `slipway_${name}_total`, type: 'counter', help, samples: [{ value }] }
}
