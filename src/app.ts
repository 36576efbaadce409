/**
 * Connects the parts of the program: a site file becomes a plan, the components serve it, and a reload replaces it.
 * When a component loses its socket, the process ends and systemd starts it again.
 */
import { followAssisted } from './assisted/follow.ts'
import { createBootScripts } from './assisted/boot-scripts.ts'
import { nodeOfMac } from './bmc/owner.ts'
import { createPower } from './bmc/power.ts'
import { createRoleIgnition } from './cluster/ignition.ts'
import { createSessions } from './cluster/session.ts'
import { createActiveSite } from './active-site.ts'
import { createAppReport, type SiteProblem } from './app-report.ts'
import type { Running, Shared } from './component.ts'
import { components } from './components.ts'
import { createAttachedNetworks } from './host/attached-networks.ts'
import { createCapture } from './host/capture/tap.ts'
import { createFreeMemory } from './host/free-memory.ts'
import { systemClock, type Clock } from './host/clock.ts'
import { explanationOf } from './explain/explanation.ts'
import { watchClock, measureProcess } from './host/process-health.ts'
import { Counters } from './host/counters.ts'
import type { Log } from './host/log.ts'
import type { Sockets } from './host/udp.ts'
import { createInstalls } from './install/create.ts'
import { createGate, probeMachineConfig, canStartInstall } from './install/gate.ts'
import { drainFirst } from './install/drain-first.ts'
import type { Installs } from './install/installs.ts'
import { createEtcd } from './install/shared/etcd.ts'
import { withNextBoots } from './install/next-boot.ts'
import type { SharedStore } from './install/shared/recorder.ts'
import { createReports, expectedNodes } from './install/reports.ts'
import { createRecordedInventory } from './inventory/record.ts'
import type { Store } from './install/store.ts'
import type { Plan } from './plan/compile.ts'
import type { Model } from './plan/model.ts'
import type { Ready } from './prepare.ts'
import { createAccess } from './serve/control/access/access.ts'
import type { Reloaded, SiteControl } from './serve/control/site-routes.ts'
import { createBalancer } from './serve/haproxy/balancer.ts'
import { createDrains, readDrained } from './serve/haproxy/drained.ts'
import { createSiteAdoption } from './site-adoption.ts'
import { createSiteRemoval } from './site-removal.ts'
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
  /** Installation records; closed with the app, even if it cannot start. */
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
  /** Compares, confirms, and rolls back the active site. */
  readonly site: SiteControl
  /** Gives transfers in flight `graceMs` to end, then closes every socket. */
  close(graceMs: number): Promise<void>
}

/** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
export async function startApp({ prepared, ...options }: AppOptions): Promise<App> {
  const { log, onLost, sitePath, clock = systemClock, counters = new Counters() } = options
  const capture = createCapture(clock)
  const sockets = capture.tap(options.sockets)
  const active = createActiveSite({
    ...{ sitePath, log, counters, clock, apply },
    first: prepared,
    siteProblem: options.siteProblem,
    directory: options.directory,
    troubles: () => report.siteProblems().map(({ text }) => text),
    withNextBoots: (changes, next) => withNextBoots(changes, next, installs),
  })

  const declared = options.follow?.site.clusters ?? []
  const sessions = createSessions({ clusters: declared, clock, log: log.for('cluster') })
  const filesOnDisk = createIgnitionFiles({ clock, log: log.for('http') })
  const ignitionFiles = createRoleIgnition({
    files: filesOnDisk,
    clock,
    log: log.for('cluster'),
    ignition: () => active.plan.http.ignition,
    clusters: declared,
    sessions,
    checkProvidedFile,
  })
  const bootScripts = createBootScripts({ directory: options.directory, clock, log: log.for('install') })
  const gate = createGate({ probe: probeMachineConfig, clock, log: log.for('install') })
  const recorded = createInstalls({
    store: options.store,
    gate,
    counters,
    clock,
    log: log.for('install'),
    ...defined({ shared: sharedStore(active.model.site, clock) }),
    plan: () => active.plan.install,
    canStartInstall: async (node, role) =>
      (await bootScripts.check(active.plan.http, node, role)) ??
      canStartInstall(active.plan.http, ignitionFiles, { node, role, now: clock.now() }),
    isClusterRead(node) {
      if (!assisted.isRead(node)) return false
      const clusters = followed()
      return clusters === undefined ? hasStarted : clusters.isRead(node)
    },
  })
  const assisted = followAssisted({
    clusters: declared,
    nodes: () => active.model.nodes,
    observe: recorded.observe,
    clock,
    log: log.for('assisted'),
  })
  const drain = () => {
    for (const component of supervisor.running) component.drain?.()
  }
  const installs = drainFirst(recorded, drain)
  const reports = createReports({
    installs,
    nodes: () => active.plan.nodes,
    signatures: () => active.plan.tftp.signatures,
    clock,
  })
  const supervisor = createSupervisor(components, () => shared)
  let hasStarted = options.follow === undefined
  /** The first site, until the components have it. No function uses `prepared`, which would keep the first plan in memory. */
  let firstModel: Model | undefined = prepared.model
  const followed = () => supervisor.running.find(({ clusters }) => clusters !== undefined)?.clusters
  const clockWatch = watchClock(clock, log)
  const freeMemory = createFreeMemory(clock)
  const fileWatch = createFileWatch({
    plan: () => active.plan,
    ignitionFiles: filesOnDisk,
    clock,
    log: log.for('files'),
  })
  const report = createAppReport({
    sitePath,
    plan: () => active.plan,
    supervisor,
    installs,
    reports,
    counters,
    clock,
    problems,
    siteProblem: () => active.siteProblem(),
    contents: (path) => fileWatch.contents(path),
    processHealth: measureProcess(options.logLinesLost ?? (() => 0)),
    isAttached: createAttachedNetworks(clock, sockets.isAdopted('dhcp')),
  })
  const inventory = await createRecordedInventory(
    { directory: options.directory, clock, log: log.for('dhcp'), drain },
    active.plan.dhcp.inventory,
  )
  const drained = await readDrained(options.directory, log)
  const balancer = createBalancer({
    log: log.for('haproxy'),
    counters,
    clock,
    out: new Set(drained.keys()),
    expected: () => expectedNodes(installs.list(), clock.now()),
  })
  const power = createPower({
    plans: () => active.plan.bmcs,
    nodeOf: (mac) => nodeOfMac(active.model.nodes, mac),
    directory: options.directory,
    clock,
    log: log.for('bmc'),
  })
  const shared: Shared = {
    plan: () => active.plan,
    model: () => active.model,
    installs,
    record: recorded.observe,
    sessions,
    ignitionFiles,
    fileWatch,
    bootScripts,
    assisted,
    reports,
    sockets,
    capture,
    counters,
    clock,
    log,
    onLost,
    balancer,
    drains: createDrains({
      balancer,
      plan: () => active.plan,
      drained,
      directory: options.directory,
      clock,
    }),
    follow: options.follow,
    control: options.control,
    stateDirectory: options.directory,
    inventory,
    access: createAccess(options.directory, clock),
    app: {
      health: report.health,
      metrics: report.metrics,
      condition: report.status,
      site: active,
      adoption: createSiteAdoption({ sitePath, site: active, clock, log }),
      removal: createSiteRemoval({
        ...{ sitePath, site: active, clock, log },
        clusters: () => followed()?.reports(),
        servers: () => balancer.state().servers,
      }),
      strangers: report.strangers,
      explain,
      power,
      clusters: followed,
      problems: report.problems,
      hooks: () => supervisor.running.find(({ hooks }) => hooks !== undefined)?.hooks,
      nodeLogs: () => supervisor.running.find(({ nodeLogs }) => nodeLogs !== undefined)?.nodeLogs,
    },
  }

  try {
    await supervisor.start()
    hasStarted = true
  } catch (error) {
    await close(0)
    throw error
  }
  await active.start()
  firstModel = undefined

  async function close(graceMs: number): Promise<void> {
    active.close()
    clockWatch.close()
    freeMemory.close()
    await supervisor.close(graceMs)
    await inventory.close()
    assisted.close()
    sessions.close()
    reports.close()
    gate.close()
    installs.close()
  }

  /** Lets the components use the active site. */
  async function apply({ model }: Ready): Promise<void> {
    installs.declare()
    for (const { severity, code, about, message } of report.findings()) {
      const facts = { code, about, reason: message }
      if (severity === 'error') log.error(facts, 'site part not served')
      else log.warn(facts, 'site warning')
    }
    await supervisor.apply()
    freeMemory.returnLater()
    if (model === firstModel) return
    if (options.follow !== undefined) sessions.swap(model.site.clusters)
    for (const component of supervisor.running) component.swap?.(model.site)
  }

  function explain(key: string): object | undefined {
    const node = active.model.members.find((each) => each.key === key)
    return node && { ...explanationOf(active.model, active.plan, node), bmc: power.lastReport(key) }
  }

  /** Returns the problems of the process as a whole. */
  function problems(): ActiveProblem[] {
    const jump = clockWatch.problem()
    return [
      ...active.problems(),
      ...installs.problems(),
      ...(jump === undefined ? [] : [{ code: 'server.clock-jumped', text: jump }]),
    ]
  }

  return {
    plan: () => active.plan,
    installs,
    services: supervisor.running,
    counters,
    reload: () => active.reload(),
    site: active,
    close,
  }
}

/** Returns the store that the appliances of the site share, if there is one. */
function sharedStore({ site, server, store }: Site, clock: Clock): SharedStore | undefined {
  if (store === undefined) return undefined
  const { endpoints, ca, cert, key, prefix = `/slipway/${site}` } = store.etcd
  const etcd = createEtcd({ endpoints, ...defined({ ca, cert, key }) }, clock)
  return { etcd, prefix, address: formatIpv4(server.address) }
}
