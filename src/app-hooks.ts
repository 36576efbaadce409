/** The hooks as a component of the app, and the part of the status that they get events from. */
import type { Clusters } from './cluster/clusters.ts'
import type { Reports } from './install/reports.ts'
import type { Plan } from './plan/compile.ts'
import { formatIpv4 } from './proto/address/ip.ts'
import type { SiteControl } from './serve/control/site-routes.ts'
import type { PendingRequest, Snapshot } from './serve/hooks/events.ts'
import { createHooks, type HooksOptions } from './serve/hooks/service.ts'
import type { ActiveProblem } from './text/codes.ts'

type Options = Pick<HooksOptions, 'installs' | 'clock' | 'log' | 'counters'> &
  Omit<Sources, 'clusters'> & {
    readonly plan: () => Plan
    readonly clusters: () => Sources['clusters']
    readonly site: Pick<SiteControl, 'history'>
  }

export function startHooks(options: Options) {
  const { plan, clusters, site } = options
  const hooks = createHooks({
    ...options,
    active: () => ({
      hooks: plan().hooks,
      site: plan().site,
      server: formatIpv4(plan().endpoint.address),
    }),
    snapshot: (before) => readSnapshot({ ...options, clusters: clusters() }, before),
    lastChange: async () => (await site.history())[0]?.summary ?? '',
  })
  return {
    name: 'hooks',
    listening: [],
    hooks,
    apply: () => hooks.apply(),
    swap: () => hooks.siteChanged(),
    status: () => ({ hooks: hooks.list() }),
    problems: () => hooks.problems(),
    outages: () => hooks.outages(),
    close: (graceMs: number) => hooks.close(graceMs),
  }
}

type Sources = {
  readonly problems: () => readonly ActiveProblem[]
  /** Returns undeclared machines, each with a `mac`. */
  readonly strangers: () => readonly object[]
  readonly reports: Pick<Reports, 'listInTurns'>
  /** Absent where slipway connects to no cluster. */
  readonly clusters: Pick<Clusters, 'csrs' | 'reports'> | undefined
}

export async function readSnapshot(
  { problems, strangers, reports, clusters }: Sources,
  before: Snapshot | undefined,
): Promise<Snapshot> {
  const nodes = await reports.listInTurns()
  const pending = (clusters?.csrs() ?? []).flatMap(({ cluster, requests }) =>
    requests.map(({ name, username, code, reason }): [string, PendingRequest] => {
      const key = `${cluster}/${name}`
      const snapshots = (before?.pending.get(key)?.snapshots ?? 0) + 1
      return [key, { cluster, name, username, code, reason, snapshots }]
    }),
  )
  return {
    // Hooks do not report on hooks: a receiver that fails would get an event about each failure.
    problems: problems().filter(({ code }) => !code.startsWith('hook.')),
    symptoms: new Map(nodes.flatMap(({ node, symptom }) => (symptom === undefined ? [] : [[node, symptom]]))),
    machines: new Map((strangers() as readonly { mac: string }[]).map((facts) => [facts.mac, facts])),
    pending: new Map(pending),
    bootstraps: new Map(
      (clusters?.reports() ?? []).flatMap(({ cluster, bootstrap }) => {
        if (bootstrap === undefined) return []
        const { refusal, reason } = bootstrap
        // A complete bootstrap that the load balancer does not drain still gets connections.
        return [[cluster, { kind: refusal === undefined ? bootstrap.kind : 'refused', reason }]]
      }),
    ),
  }
}
