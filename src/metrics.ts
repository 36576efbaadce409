/** The metrics of the process for Prometheus: names of nodes, and numbers; no addresses, reasons, or secrets. Pure. */
import { gauge, renderExposition, type MetricFamily } from './host/counters.ts'
import type { ProcessHealth } from './host/process-health.ts'
import type { NodeRecord } from './install/installs.ts'
import type { NodeReport } from './install/reports.ts'
import { modes } from './install/node-states.ts'
import type { ActiveProblem } from './text/codes.ts'
import type { IgnitionExpiry } from './plan/ignition/findings.ts'

export type Measured = {
  readonly site: string
  readonly uptimeSeconds: number
  /** Whether the site file is invalid, so that the active plan differs from it. */
  readonly siteFileDiffers: boolean
  readonly counters: Readonly<Record<string, number>>
  readonly process?: ProcessHealth
  /** Keys are stable codes. */
  readonly refusals?: Readonly<Record<string, number>>
  /** Absent where no installation records are kept. */
  readonly records?: readonly NodeRecord[]
  readonly ignition: readonly IgnitionExpiry[]
  /** Nodes whose boot stopped have a symptom. */
  readonly nodes?: readonly Pick<NodeReport, 'node' | 'symptom'>[]
  /** Problems that persist. */
  readonly problems?: readonly Pick<ActiveProblem, 'code'>[]
  /** Parts of the site that may be unintended. */
  readonly warnings?: readonly Pick<ActiveProblem, 'code'>[]
  /** Whether each service runs. */
  readonly services?: Readonly<Record<string, boolean>>
  /** The metrics of components. */
  readonly families?: readonly MetricFamily[]
  /** Milliseconds since 1970. */
  readonly now: number
}

/** @param isWhole whether the client may read the names of nodes */
export function renderMetrics(measured: Measured, isWhole = true): string {
  const { site, uptimeSeconds, siteFileDiffers, counters, records, nodes, ignition, now } = measured
  const families = [
    gauge('slipway_info', 'Always 1; the label is the name of the site.', [{ labels: { site }, value: 1 }]),
    gauge('slipway_uptime_seconds', 'Seconds since slipway started.', [{ value: uptimeSeconds }]),
    gauge(
      'slipway_site_file_differs',
      '1 if the site file has errors or was rolled back, and an earlier site is served, else 0.',
      [{ value: siteFileDiffers ? 1 : 0 }],
    ),
    ...(records === undefined ? [] : nodeFamilies(records, now)),
    gauge(
      'slipway_ignition_expiry_timestamp_seconds',
      'Time at which the first certificate in an Ignition file of declared nodes expires.',
      ignition.map(({ cluster, kind, expiresAt }) => ({
        labels: { cluster, kind },
        value: Math.round(expiresAt / 1000),
      })),
    ),
    ...(nodes === undefined ? [] : [nodeProblemFamily(nodes)]),
    ...problemFamilies(measured),
    ...(measured.process === undefined ? [] : processFamilies(measured.process)),
    ...(measured.families ?? []),
    bugFamily(counters),
    refusalFamily(measured.refusals ?? {}),
    ...Object.entries(counters).map(([name, value]) => counterFamily(name, value)),
  ]
  return renderExposition(isWhole ? families : families.flatMap(withoutNodes))
}

const sinceSeen = 'slipway_node_since_seen_seconds'

/** Replaces the samples of single nodes by their sum, so that alerts still see that there is a problem. */
function withoutNodes(family: MetricFamily): MetricFamily[] {
  if (family.name === sinceSeen) return []
  const isOfNode = ({ labels = {} }: MetricFamily['samples'][number]) =>
    'node' in labels || 'server' in labels
  if (!family.samples.some(isOfNode)) return [family]
  const sums = new Map<string, { labels: Record<string, string>; value: number }>()
  for (const { labels = {}, value } of family.samples) {
    const names = Object.entries(labels).filter(([label]) => label !== 'node' && label !== 'server')
    const rest = Object.fromEntries(names)
    const key = JSON.stringify(names)
    sums.set(key, { labels: rest, value: (sums.get(key)?.value ?? 0) + value })
  }
  return [{ ...family, samples: [...sums.values()] }]
}

function processFamilies(process: ProcessHealth): MetricFamily[] {
  const { eventLoopDelayMs, residentMemoryBytes, openFiles, datagramsDropped, logLinesLost } = process
  const counter = (name: string, help: string, value: number): MetricFamily => ({
    name,
    help,
    type: 'counter',
    samples: [{ value }],
  })
  return [
    gauge('slipway_event_loop_delay_seconds', 'Delay of the event loop in the last 10 to 20 s.', [
      { labels: { quantile: '0.99' }, value: eventLoopDelayMs.p99 / 1000 },
      { labels: { quantile: '1' }, value: eventLoopDelayMs.max / 1000 },
    ]),
    gauge('slipway_resident_memory_bytes', 'Resident memory of the process.', [
      { value: residentMemoryBytes },
    ]),
    ...(openFiles === undefined
      ? []
      : [gauge('slipway_open_files', 'Open file descriptors of the process.', [{ value: openFiles }])]),
    ...(datagramsDropped === undefined
      ? []
      : [
          counter(
            'slipway_datagrams_dropped_total',
            'Datagrams that the kernel dropped because a receive buffer was full.',
            datagramsDropped,
          ),
        ]),
    counter('slipway_log_lines_lost_total', 'Log lines that could not be written.', logLinesLost),
  ]
}

function nodeFamilies(records: readonly NodeRecord[], now: number): MetricFamily[] {
  return [
    gauge(
      'slipway_nodes',
      'Declared nodes by boot mode: what their next network boot leads to.',
      // All modes, so that a mode without nodes reads 0 instead of its last value.
      modes.map((mode) => ({
        labels: { mode },
        value: records.filter((record) => record.mode === mode).length,
      })),
    ),
    gauge(
      sinceSeen,
      'Seconds since the last request or report of a node; absent before the first one.',
      records.flatMap(({ node, lastSeen }) =>
        lastSeen === undefined
          ? []
          : [{ labels: { node }, value: Math.max(0, Math.round((now - lastSeen) / 1000)) }],
      ),
    ),
  ]
}

function nodeProblemFamily(nodes: NonNullable<Measured['nodes']>): MetricFamily {
  return gauge(
    'slipway_node_problem',
    'Always 1: the boot of this node stopped, for the cause with this stable code (docs/codes.md); absent otherwise.',
    nodes.flatMap(({ node, symptom }) =>
      symptom === undefined ? [] : [{ labels: { node, code: symptom.code }, value: 1 }],
    ),
  )
}

function problemFamilies({ problems = [], warnings = [], services = {} }: Measured): MetricFamily[] {
  return [
    gauge(
      'slipway_service_up',
      'Whether a service runs (1), or waits for one of its sockets (0).',
      Object.entries(services).map(([service, isUp]) => ({ labels: { service }, value: isUp ? 1 : 0 })),
    ),
    gauge(
      'slipway_problems',
      'Problems that persist, by stable code (docs/codes.md); absent when there are none.',
      countByCode(problems),
    ),
    gauge(
      'slipway_warnings',
      'Parts of the served site that may be unintended, by stable code (docs/codes.md); absent when there are none.',
      countByCode(warnings),
    ),
  ]
}

function countByCode(entries: readonly { readonly code: string }[]): MetricFamily['samples'] {
  const codes = [...new Set(entries.map(({ code }) => code))]
  return codes.map((code) => ({
    labels: { code },
    value: entries.filter((entry) => entry.code === code).length,
  }))
}

/** Counters of errors that only a fault of slipway causes. Their own metrics remain for one release. */
const bugCounters: Readonly<Record<string, string>> = {
  control: 'control.bugs',
  dhcp: 'dhcp.failed',
  dns: 'dns.failures',
  http: 'http.bugs',
  install: 'install.bugs',
  tftp: 'tftp.unhandled',
}

function bugFamily(counters: Readonly<Record<string, number>>): MetricFamily {
  const samples = Object.entries(bugCounters).map(([component, counter]) => ({
    labels: { component },
    value: counters[counter] ?? 0,
  }))
  const help =
    'Requests that failed because of an internal error since the start of slipway, by component. Report them.'
  return { name: 'slipway_bugs_total', type: 'counter', help, samples }
}

function refusalFamily(refusals: Readonly<Record<string, number>>): MetricFamily {
  const samples = Object.entries(refusals).map(([code, value]) => ({ labels: { code }, value }))
  const help = 'Refused requests since the start, by stable code (docs/codes.md).'
  return { name: 'slipway_refusals_total', type: 'counter', help, samples }
}

/** Returns the family `slipway_dns_cache_hits_total` for `dns.cacheHits`. */
function counterFamily(counter: string, value: number): MetricFamily {
  const name = counter
    .replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replaceAll(/[^a-z0-9_]/g, '_')
  const help = `Events of the kind ${counter} since the start.`
  return { name: `slipway_${name}_total`, type: 'counter', help, samples: [{ value }] }
}
