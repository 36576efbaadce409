/**
 * The whole program on one page: a site file becomes a plan, the components serve it, and a reload replaces it. When a
 * component loses its socket, the process ends and systemd starts it again.
 */
import { createRoleIgnition } from './cluster/ignition.ts'
import { createSessions } from './cluster/session.ts'
import { createAppReport, type SiteProblem } from './app-report.ts'
import { components, type Running, type Shared } from './components.ts'
import { createAttachedNetworks } from './host/attached-networks.ts'
import { systemClock, type Clock } from './host/clock.ts'
import { explanationOf } from './explain/explanation.ts'
import { watchClock, measureProcess } from './host/process-health.ts'
import { Counters } from './host/counters.ts'
import { inTurn } from './host/in-turn.ts'
import type { Log } from './host/log.ts'
import type { Sockets } from './host/udp.ts'
import { createInstalls } from './install/create.ts'
import { createGate, probeMachineConfig, canStartInstall } from './install/gate.ts'
import type { Installs } from './install/installs.ts'
import { createEtcd } from './install/shared/etcd.ts'
import type { SharedStore } from './install/shared/recorder.ts'
import { createReports } from './install/reports.ts'
import type { Store } from './install/store.ts'
import type { Plan } from './plan/compile.ts'
import { explain as explainProblems, prepareInBackground, type Ready } from './prepare.ts'
import { saveLastGood } from './last-good.ts'
import { expectedNodes } from './install/expected-nodes.ts'
import type { Reloaded } from './serve/control/routes.ts'
import { createBalancer } from './serve/haproxy/balancer.ts'
import { formatIpv4 } from './proto/address/ip.ts'
import type { Site } from './site/schema.ts'
import { defined } from './text/defined.ts'
import { createSupervisor } from './supervisor.ts'
import type { ActiveProblem } from './text/codes.ts'
import { createFileWatch } from './file-watch.ts'
import { createIgnitionFiles, checkProvidedFile } from './scan/ignition/files.ts'

export type AppOptions = {
  readonly sitePath: string
  /** Made from that file, or from the last valid one. */
  readonly prepared: Ready
  /** Why the site file itself is not served: then `prepared` is the last valid site. */
  readonly siteProblem?: SiteProblem
  /** State directory, which keeps the last valid site; without it none is kept. */
  readonly directory?: string
  readonly log: Log
  readonly sockets: Sockets
  /** Installation records; closed with the app, also when it cannot start. */
  readonly store: Store
  readonly clock?: Clock
  /** Counters that others increment too, for example the sockets. */
  readonly counters?: Counters
  /** Returns how many log lines could not be written. */
  readonly logLinesLost?: () => number
  /** Clusters to follow, and the directory of their records; without it no cluster is followed. */
  readonly follow?: { readonly site: Site; readonly directory: string }
  /** Path of the control socket; without it there is no local API. */
  readonly control?: string
  /** Called once when a component lost its socket: the process should end. */
  readonly onLost: (error: Error) => void
}

export type App = {
  plan(): Plan
  readonly installs: Installs
  readonly services: readonly Running[]
  readonly counters: Counters
  /** Reads the site file again and swaps the plan; if the file has errors, the current plan stays active. */
  reload(): Promise<Reloaded>
  /** Gives transfers in flight `graceMs` to end, then closes every socket. */
  close(graceMs: number): Promise<void>
}

/** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
export async function startApp(options: AppOptions): Promise<App> {
  const { log, sockets, onLost, sitePath, clock = systemClock, counters = new Counters() } = options
  let { plan, model } = options.prepared
  let { siteProblem } = options
  const reloadInTurn = inTurn(reload)

  const declared = options.follow?.site.clusters ?? []
  const sessions = createSessions({ clusters: declared, clock, log: log.for('cluster') })
  const filesOnDisk = createIgnitionFiles({ clock, log: log.for('http') })
  const ignitionFiles = createRoleIgnition({
    files: filesOnDisk,
    clock,
    log: log.for('cluster'),
    ignition: () => plan.http.ignition,
    clusters: declared,
    sessions,
    checkProvidedFile,
  })
  const gate = createGate({ probe: probeMachineConfig, clock, log: log.for('install') })
  const installs = createInstalls({
    store: options.store,
    gate,
    counters,
    clock,
    log: log.for('install'),
    ...defined({ shared: sharedStore(model.site, clock) }),
    plan: () => plan.install,
    canStartInstall: (node, role) =>
      canStartInstall(plan.http, ignitionFiles, { node, role, now: clock.now() }),
    isClusterRead(node) {
      const clusters = followed()
      return clusters === undefined ? hasStarted : clusters.isRead(node)
    },
  })
  const reports = createReports({ installs, nodes: () => plan.nodes, clock })
  const supervisor = createSupervisor(components, () => shared)
  let hasStarted = options.follow === undefined
  const followed = () => supervisor.running.find(({ clusters }) => clusters !== undefined)?.clusters
  const clockWatch = watchClock(clock, log)
  const fileWatch = createFileWatch({
    plan: () => plan,
    ignitionFiles: filesOnDisk,
    clock,
    log: log.for('files'),
  })
  const report = createAppReport({
    sitePath,
    plan: () => plan,
    supervisor,
    installs,
    reports,
    counters,
    clock,
    problems,
    siteProblem: () => siteProblem,
    contents: (path) => fileWatch.contents(path),
    processHealth: measureProcess(options.logLinesLost ?? (() => 0)),
    isAttached: createAttachedNetworks(clock, sockets.isAdopted('dhcp')),
  })
  const shared: Shared = {
    plan: () => plan,
    installs,
    sessions,
    ignitionFiles,
    fileWatch,
    reports,
    sockets,
    counters,
    clock,
    log,
    onLost,
    balancer: createBalancer({
      log: log.for('haproxy'),
      counters,
      clock,
      expected: () => expectedNodes(installs.list(), clock.now()),
    }),
    follow: options.follow,
    control: options.control,
    app: {
      health: report.health,
      metrics: report.metrics,
      condition: report.status,
      reload: reloadInTurn,
      strangers: report.strangers,
      explain,
      clusters: followed,
    },
  }

  try {
    await supervisor.start()
    hasStarted = true
  } catch (error) {
    await close(0)
    throw error
  }
  await take(plan)
  if (siteProblem === undefined) await keep(options.prepared)

  async function close(graceMs: number): Promise<void> {
    clockWatch.close()
    await supervisor.close(graceMs)
    sessions.close()
    reports.close()
    gate.close()
    installs.close()
  }

  /** Replaces the active plan in one assignment; then the components apply it. */
  async function take(next: Plan): Promise<void> {
    plan = next
    installs.declare()
    for (const { severity, code, about, message } of report.findings()) {
      const facts = { code, about, reason: message }
      if (severity === 'error') log.error(facts, 'site part not served')
      else log.warn(facts, 'site warning')
    }
    await supervisor.apply()
  }

  async function reload(): Promise<Reloaded> {
    const prepared = await prepareInBackground(sitePath, plan)
    const reasons =
      prepared.kind === 'ready' ? needsRestart({ plan, model }, prepared) : explainProblems(prepared)
    for (const reason of reasons)
      log.error({ code: 'server.reload-rejected', reason }, 'site reload rejected')
    if (prepared.kind !== 'ready' || reasons.length > 0) {
      counters.increment('app.reloadsRefused')
      siteProblem = {
        code: prepared.kind === 'unreadable' ? prepared.code : 'server.reload-rejected',
        reasons,
      }
      return { outcome: 'kept', reasons }
    }
    model = prepared.model
    await take(prepared.plan)
    siteProblem = undefined
    await keep(prepared)
    if (options.follow !== undefined) sessions.swap(prepared.model.site.clusters)
    for (const component of supervisor.running) component.swap?.(prepared.model.site)
    counters.increment('app.reloads')
    log.info({ site: plan.site, nodes: plan.nodes.length }, 'site reloaded')
    return {
      outcome: 'swapped',
      nodes: plan.nodes.length,
      troubles: report.siteProblems().map(({ text }) => text),
    }
  }

  /** Keeps the site for a start with an invalid site file. */
  async function keep(prepared: Ready): Promise<void> {
    if (options.directory === undefined) return
    await saveLastGood(options.directory, sitePath, prepared).catch((error: unknown) => {
      log.error({ code: 'site.last-good-not-written', err: error }, 'last valid site not written')
    })
  }

  function explain(key: string): object | undefined {
    const node = model.nodes.find((each) => each.key === key)
    return node && explanationOf(model, plan, node)
  }

  /** Returns the problems of the process as a whole. */
  function problems(): ActiveProblem[] {
    const jump = clockWatch.problem()
    return [
      ...(siteProblem === undefined
        ? []
        : [{ code: siteProblem.code, text: siteDiffers(siteProblem.reasons) }]),
      ...installs.problems(),
      ...(jump === undefined ? [] : [{ code: 'server.clock-jumped', text: jump }]),
    ]
  }

  return { plan: () => plan, installs, services: supervisor.running, counters, reload: reloadInTurn, close }
}

type Served = Pick<Ready, 'plan' | 'model'>

/** Returns why a running process cannot apply a site: its sockets are already bound, and its store is connected. */
function needsRestart({ plan: old, model: oldModel }: Served, { plan: next, model }: Served): string[] {
  const reasons: string[] = []
  if (JSON.stringify(oldModel.site.store) !== JSON.stringify(model.site.store)) {
    reasons.push('store changed: restart the service to connect to it')
  }
  if (JSON.stringify(old.endpoint) !== JSON.stringify(next.endpoint)) {
    reasons.push('server.address, server.address6 or server.ports changed: restart the service to bind them')
  }
  if (old.dhcp.proxyPort !== next.dhcp.proxyPort) {
    reasons.push(
      'the only subnet with dhcp: proxy was added or removed: restart the service to open or close its socket',
    )
  }
  if ((old.dns === undefined) !== (next.dns === undefined)) {
    reasons.push('dns.serve changed: restart the service to open or close the sockets')
  }
  return reasons
}

/** Returns the store that the appliances of the site share, if there is one. */
function sharedStore({ site, server, store }: Site, clock: Clock): SharedStore | undefined {
  if (store === undefined) return undefined
  const { endpoints, ca, cert, key, prefix = `/slipway/${site}` } = store.etcd
  const etcd = createEtcd({ endpoints, ...defined({ ca, cert, key }) }, clock)
  return { etcd, prefix, address: formatIpv4(server.address) }
}

function siteDiffers([first = '', ...more]: readonly string[]): string {
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  return `the site file was rejected, the last valid site is served: ${first}${others}`
}
