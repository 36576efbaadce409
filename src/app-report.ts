/** What the process reports about itself: `/health`, the metrics, and the status for the local API. */
import { resolve } from 'node:path'
import type { Clock } from './host/clock.ts'
import type { HostCode } from './host/codes.ts'
import type { Counters } from './host/counters.ts'
import { hasAddress } from './host/cannot-listen.ts'
import type { ProcessHealth } from './host/process-health.ts'
import type { Reports } from './install/reports.ts'
import type { Installs } from './install/installs.ts'
import { renderMetrics } from './metrics.ts'
import { ignitionExpiries, ignitionFindings, type CurrentContents } from './plan/ignition/findings.ts'
import type { Finding, ActiveProblem } from './text/codes.ts'
import type { Plan } from './plan/compile.ts'
import { isBootedMember } from './plan/model.ts'
import { detachedSubnets } from './plan/dhcp/attachment.ts'
import { formatIpv4, type Cidr } from './proto/address/ip.ts'
import type { Supervisor } from './supervisor.ts'

type AppReportOptions = {
  readonly sitePath: string
  readonly plan: () => Plan
  readonly supervisor: Supervisor
  readonly installs: Pick<Installs, 'list'>
  readonly reports: Pick<Reports, 'listInTurns'>
  readonly counters: Counters
  readonly clock: Clock
  /** Returns the problems that neither the plan nor a component has. */
  readonly problems: () => readonly ActiveProblem[]
  /** Why the site file differs from the active plan. */
  readonly siteProblem: () => SiteProblem | undefined
  readonly processHealth: () => ProcessHealth
  /** Whether an interface of this machine, on which DHCP clients reach it, has an address in the network. */
  readonly isAttached: (network: Cidr, server: string) => boolean
  /** Returns the contents of Ignition files that changed after the plan was compiled. */
  readonly contents: CurrentContents
}

export type SiteProblem = { readonly code: string; readonly reasons: readonly string[] }

export type AppReport = {
  /** Returns the findings of the compilation, and those that depend on the current time. */
  readonly findings: () => readonly Finding[]
  /** Returns what is not served as the site file declares. */
  readonly siteProblems: () => readonly ActiveProblem[]
  /** Returns all persistent problems: of this machine, of the site, and of other machines. */
  readonly problems: () => readonly ActiveProblem[]
  /** Undeclared machines that sent DHCP requests. */
  readonly strangers: () => readonly object[]
  /** Returns the status for the local API, whose clients can see the names of files on this machine. */
  readonly status: () => Readonly<Record<string, unknown>>
  /** Returns the status that any client of the network can read. */
  readonly health: () => Record<string, unknown>
  /** @param isWhole whether the client may read the names of nodes */
  readonly metrics: (isWhole: boolean) => Promise<string>
}

export function createAppReport(options: AppReportOptions): AppReport {
  const { sitePath, plan, supervisor, installs, counters, clock, contents } = options
  const { running } = supervisor
  const startedAt = clock.monotonic()

  const findings = (): readonly Finding[] => [
    ...plan().findings,
    ...ignitionFindings(plan(), clock.now(), contents),
    ...detachedSubnets(plan().dhcp, (network) => options.isAttached(network, formatIpv4(plan().dhcp.server))),
  ]

  const warnings = (): readonly Finding[] => [
    ...findings().filter(({ severity }) => severity === 'warning'),
    ...running.flatMap((component) => component.warnings?.() ?? []),
  ]

  /** The plan keeps the errors of its compilation, so a file that is put in place later needs a reload. */
  const siteProblems = (): ActiveProblem[] => [
    ...findings()
      .filter(({ severity }) => severity === 'error')
      .map((finding) => {
        const { code, about, message } = finding
        const next = plan().findings.includes(finding) ? '; when this is fixed, run "slipway reload"' : ''
        return { code, text: `${about}: ${message}${next}` }
      }),
    ...supervisor.problems(),
  ]

  const problems = (): ActiveProblem[] => [
    ...options.problems(),
    ...addressProblems(formatIpv4(plan().endpoint.address)),
    ...siteProblems(),
    ...supervisor.outages(),
  ]

  /** Returns what `/health` and the local API have in common. */
  function condition() {
    return {
      site: plan().site,
      siteFileDiffers: options.siteProblem() !== undefined,
      uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
      listening: running.flatMap(({ name, listening }) => listening.map((where) => `${name} ${where}`)),
      process: options.processHealth(),
      counters: counters.snapshot(),
      refusals: counters.refusals(),
      ...noClients,
      ...merge(running.map((component) => component.health?.())),
    }
  }

  return {
    findings,
    siteProblems,
    problems,
    strangers: () =>
      ({ ...noClients, ...merge(running.map((each) => ({ ...each.health?.(), ...each.status?.() }))) })
        .strangers,
    status: () => ({
      siteFile: resolve(sitePath),
      ...notBooted(plan()),
      ...condition(),
      ...merge(running.map((component) => component.status?.())),
      problems: problems(),
      warnings: warnings().map(({ about, message }) => `${about}: ${message}`),
      warningCodes: warnings().map(({ code }) => code),
      ignition: ignitionExpiries(plan(), contents),
    }),
    health() {
      const { strangers, declined, otherDhcpServers, ...rest } = condition()
      const lists = Object.entries({ strangers, declined, otherDhcpServers }).map(([name, list]) => {
        return [name, list.map(withReadableTimes)] as const
      })
      // The texts of problems name files and addresses, so a client of the network gets only the codes.
      const codes = uniqueCodes(problems())
      return {
        status: codes.length === 0 ? 'ok' : 'degraded',
        ...rest,
        problems: codes,
        warnings: uniqueCodes(warnings()),
        nodes: plan().nodes.length,
        ...Object.fromEntries(lists),
      }
    },
    metrics: async (isWhole) => {
      const nodes = await options.reports.listInTurns()
      const measured = {
        nodes,
        ...condition(),
        problems: problems(),
        warnings: warnings(),
        services: supervisor.services(),
        records: installs.list(),
        ignition: ignitionExpiries(plan(), contents),
        now: clock.now(),
        families: running.flatMap((component) => component.metrics?.() ?? []),
      }
      return renderMetrics(measured, isWhole)
    },
  }
}

/** Empty lists, if the DHCP service does not run. */
const noClients: Readonly<Record<'strangers' | 'declined' | 'otherDhcpServers', readonly object[]>> = {
  strangers: [],
  declined: [],
  otherDhcpServers: [],
}

/** An address can disappear while slipway serves; its sockets do not report that. */
export function addressProblems(address: string): ActiveProblem[] {
  if (hasAddress(address)) return []
  const code: HostCode = 'server.address-missing'
  return [{ code, text: `no interface has server.address ${address}, so clients cannot reach slipway` }]
}

function uniqueCodes(entries: readonly { readonly code: string }[]): string[] {
  return [...new Set(entries.map(({ code }) => code))]
}

function merge(fields: readonly (Readonly<Record<string, unknown>> | undefined)[]): object {
  return Object.assign({}, ...fields) as object
}

/** Replaces the milliseconds of fields such as `lastSeen` by ISO 8601 text. */
function withReadableTimes(entry: object): Record<string, unknown> {
  const isTime = (name: string) => name.endsWith('Seen')
  const text = (value: unknown) => new Date(value as number).toISOString()
  return Object.fromEntries(
    Object.entries(entry).map(([name, value]) => [name, isTime(name) ? text(value) : value]),
  )
}

/** Returns the keys of nodes with `boot: none`, if there are any. */
function notBooted({ members }: Plan): { readonly notBooted?: readonly string[] } {
  const keys = members.filter((member) => !isBootedMember(member)).map(({ key }) => key)
  return keys.length === 0 ? {} : { notBooted: keys }
}
