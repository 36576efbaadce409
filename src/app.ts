/**
 * The whole program on one page: a site file becomes a plan, the services answer from it, a reload
 * replaces it. One process; when one service loses its socket, all end and systemd starts them again.
 */
import { resolve } from 'node:path'
import { followClusters, type Clusters } from './cluster/clusters.ts'
import { createRoleIgnition } from './cluster/ignition.ts'
import { createSessions } from './cluster/sessions.ts'
import { systemClock, type Clock } from './host/clock.ts'
import { Counters } from './host/counters.ts'
import type { Log } from './host/log.ts'
import type { Service } from './host/service.ts'
import type { Sockets } from './host/udp.ts'
import { createInstalls } from './install/create.ts'
import { createGate, probeMachineConfig } from './install/gate.ts'
import type { Installs } from './install/installs.ts'
import { createReports } from './install/reports.ts'
import type { Store } from './install/store.ts'
import { renderMetrics } from './metrics.ts'
import { ignitionExpiries, ignitionFindings } from './plan/ignition/findings.ts'
import type { Plan } from './plan/plan.ts'
import { canStartInstall } from './install/install-preconditions.ts'
import { explain, prepare } from './prepare.ts'
import type { Reloaded } from './serve/control/routes.ts'
import { startControl } from './serve/control/service.ts'
import { startDhcp, type DhcpService } from './serve/dhcp/service.ts'
import { startDns, type DnsService } from './serve/dns/service.ts'
import { createBalancer } from './serve/haproxy/balancer.ts'
import { startHttp } from './serve/http/service.ts'
import { startTftp } from './serve/tftp/service.ts'
import type { Site } from './site/schema.ts'
import { createIgnitionFiles } from './scan/ignition/files.ts'
import { checkProvidedFile } from './scan/ignition/provided.ts'

export type AppOptions = {
  readonly sitePath: string
  /** What {@link prepare} made of that file. */
  readonly plan: Plan
  readonly log: Log
  readonly sockets: Sockets
  /** What is known of the nodes' installations; closed with the app, also when it cannot start. */
  readonly store: Store
  readonly clock?: Clock
  /** The clusters that are followed by their own APIs, and the folder that keeps what is decided; none when absent. */
  readonly follow?: { readonly site: Site; readonly directory: string }
  /** The Unix socket of the local API; without it that is not served. */
  readonly control?: string
  /** Called once when a service lost its socket: the process should end. */
  readonly onLost: (error: Error) => void
}

export type App = {
  plan(): Plan
  readonly installs: Installs
  readonly services: readonly Service[]
  readonly counters: Counters
  /** Reads the site file again and swaps the plan; if the file has errors, the current plan stays active. */
  reload(): Promise<Reloaded>
  /** Ends transfers in flight within `graceMs`, then closes every socket. */
  close(graceMs: number): Promise<void>
}

/** @throws {CannotListen} when a socket cannot be had; sockets opened before are closed again */
export async function startApp(options: AppOptions): Promise<App> {
  const { log, sockets, onLost, clock = systemClock } = options
  const counters = new Counters()
  const startedAt = clock.monotonic()
  let plan = options.plan
  let reloading: Promise<unknown> = Promise.resolve()

  const declared = options.follow?.site.clusters ?? []
  const sessions = createSessions({ clusters: declared, clock, log: log.for('cluster') })
  const ignitionFiles = createRoleIgnition({
    ...{ files: createIgnitionFiles({ clock, log: log.for('http') }), clock, log: log.for('cluster') },
    ignition: () => plan.http.ignition,
    ...{ clusters: declared, sessions, checkProvidedFile },
  })
  const gate = createGate({ probe: probeMachineConfig, clock, log: log.for('install') })
  const installs = createInstalls({
    ...{ store: options.store, gate, counters, clock, log: log.for('install') },
    plan: () => plan.install,
    canStartInstall: (node, role) =>
      canStartInstall(plan.http, ignitionFiles, { node, role, now: clock.now() }),
  })
  const { observe } = installs
  const common = { sockets, counters, clock, onLost, observe }
  const services: Service[] = []
  const balancer = createBalancer({ log: log.for('haproxy'), counters, clock })
  let dhcp: DhcpService | undefined
  let dns: DnsService | undefined
  let clusters: Clusters | undefined
  const reports = createReports({ installs, nodes: () => plan.nodes, clock })

  const close = async (graceMs: number): Promise<void> => {
    ignitionFiles.close()
    balancer.close()
    await Promise.all([clusters?.close(), ...services.map((service) => service.close(graceMs))])
    sessions.close()
    reports.close()
    gate.close()
    installs.close()
  }
  try {
    if (plan.dns !== undefined) {
      let zones = plan.dns
      // A reload that takes the zones away is refused, so there always are some.
      dns = await startDns({ ...common, plan: () => (zones = plan.dns ?? zones), log: log.for('dns') })
      services.push(dns)
    }
    services.push(await startTftp({ ...common, plan: () => plan.tftp, log: log.for('tftp') }))
    services.push(
      await startHttp({
        ...common,
        plan: () => plan.http,
        log: log.for('http'),
        installs,
        ignitionFiles,
        health,
        metrics,
      }),
    )
    // DHCP comes last: nobody is sent to a service that does not listen yet.
    dhcp = await startDhcp({ ...common, plan: () => plan.dhcp, log: log.for('dhcp') })
    services.push(dhcp)
    if (options.follow !== undefined) {
      clusters = await followClusters({
        ...options.follow,
        ...{ sessions, installs, counters, clock, log: log.for('cluster'), nodes: () => plan.nodes },
        async drain(node) {
          const done = await balancer.drain(node)
          return done.outcome === 'kept' ? done.reason : undefined
        },
        enable: (node) => balancer.enable(node),
      })
    }
    const { control: path } = options
    if (path !== undefined) {
      const about = {
        installs,
        reports,
        condition: wholeCondition,
        strangers: () => dhcp?.unknownClients() ?? [],
        clusters,
        reload: reloadInTurn,
      }
      services.push(await startControl({ ...common, ...about, path, log: log.for('control') }))
    }
  } catch (error) {
    await close(0)
    throw error
  }
  await take(plan)

  async function take(next: Plan): Promise<void> {
    plan = next
    dns?.announce()
    installs.declare()
    for (const { severity, about, message } of [...plan.findings, ...ignitionFindings(plan, clock.now())]) {
      const facts = { about, reason: message }
      if (severity === 'error') log.error(facts, 'a part of the site cannot be served')
      else log.warn(facts, 'a part of the site may not be meant so')
    }
    await balancer.apply(plan.haproxy)
  }

  async function reload(): Promise<Reloaded> {
    const prepared = await prepare(options.sitePath, plan)
    const reasons = prepared.kind === 'ready' ? needsRestart(plan, prepared.plan) : explain(prepared)
    for (const reason of reasons) log.error({ reason }, 'site reload rejected')
    if (prepared.kind !== 'ready' || reasons.length > 0) {
      counters.increment('app.reloadsRefused')
      return { outcome: 'kept', reasons }
    }
    await take(prepared.plan)
    if (options.follow !== undefined) sessions.swap(prepared.model.site.clusters)
    clusters?.swap(prepared.model.site)
    ignitionFiles.swap(prepared.model.site.clusters)
    counters.increment('app.reloads')
    log.info({ site: plan.site, nodes: plan.nodes.length }, 'site reloaded')
    return { outcome: 'swapped', nodes: plan.nodes.length, troubles: troubles() }
  }

  /** One at a time: who asks second waits until the first is applied. */
  function reloadInTurn(): Promise<Reloaded> {
    const next = reloading.then(reload)
    reloading = next.catch(() => {})
    return next
  }

  /** What of the plan is not served as the site says. */
  function troubles(): string[] {
    const findings = [...plan.findings, ...ignitionFindings(plan, clock.now())]
    const { outcome, reason } = balancer.state().applied
    return [
      ...findings
        .filter(({ severity }) => severity === 'error')
        .map(({ about, message }) => `${about}: ${message}`),
      ...(reason === undefined ? [] : [`haproxy, ${outcome}: ${reason}`]),
    ]
  }

  /** All but the nodes. */
  function condition() {
    return {
      site: plan.site,
      uptimeSeconds: Math.round((clock.monotonic() - startedAt) / 1000),
      listening: services.flatMap((service) => service.listening.map((where) => `${service.name} ${where}`)),
      counters: counters.snapshot(),
      refusals: counters.refusals(),
      ...(plan.haproxy && { haproxy: balancer.state() }),
      ...(clusters && { bootstraps: clusters.bootstraps() }),
      ...(dns && { resolvers: dns.resolvers(), dnsCache: dns.cache() }),
      declined: dhcp?.declined() ?? [],
      otherDhcpServers: dhcp?.otherServers() ?? [],
    }
  }

  /** Not for everybody: reasons name files of this machine. */
  function standings() {
    return { ...(clusters && { clusters: clusters.reports() }) }
  }

  /** For who may ask on this machine: with the names of its files. */
  function wholeCondition() {
    const warnings = ignitionFindings(plan, clock.now()).map(({ message }) => message)
    return {
      siteFile: resolve(options.sitePath),
      ...condition(),
      ...standings(),
      warnings,
      ignition: ignitionExpiries(plan),
    }
  }

  function health(): Record<string, unknown> {
    const { declined, otherDhcpServers, ...rest } = condition()
    return {
      ...rest,
      nodes: plan.nodes.length,
      strangers: dhcp?.unknownClients().map(withTimes) ?? [],
      declined: declined.map(withTimes),
      otherDhcpServers: otherDhcpServers.map(withTimes),
    }
  }

  function metrics(): string {
    const measured = { records: installs.list(), ignition: ignitionExpiries(plan), now: clock.now() }
    return renderMetrics({ ...condition(), ...standings(), ...measured })
  }

  return {
    plan: () => plan,
    installs,
    services,
    counters,
    reload: reloadInTurn,
    close,
  }
}

/** What a running process cannot take over, because its sockets are bound already. */
function needsRestart(old: Plan, next: Plan): string[] {
  const reasons: string[] = []
  if (JSON.stringify(old.endpoint) !== JSON.stringify(next.endpoint)) {
    reasons.push('server.address, server.address6 or server.ports changed: restart the service to bind them')
  }
  if (old.dhcp.proxyPort !== next.dhcp.proxyPort) {
    reasons.push(
      'the only subnet with dhcp: proxy came or went: restart the service to open or close its socket',
    )
  }
  if ((old.dns === undefined) !== (next.dns === undefined)) {
    reasons.push('dns.serve changed: restart the service to open or close the sockets')
  }
  return reasons
}

/** Times as people read them. */
function withTimes(seen: object): Record<string, unknown> {
  const isTime = (name: string) => name.endsWith('Seen')
  const text = (value: unknown) => new Date(value as number).toISOString()
  return Object.fromEntries(
    Object.entries(seen).map(([name, value]) => [name, isTime(name) ? text(value) : value]),
  )
}
