/** The shape of a component of the process, and what all of them share. src/components.ts lists them. */
import type { Assisted } from './assisted/follow.ts'
import type { BootScripts } from './assisted/boot-scripts.ts'
import type { FileWatch } from './file-watch.ts'
import type { Clusters } from './cluster/clusters.ts'
import type { RoleIgnition } from './cluster/ignition.ts'
import type { Sessions as ClusterSessions } from './cluster/session.ts'
import type { Capture } from './host/capture/tap.ts'
import type { Clock } from './host/clock.ts'
import type { Counters, MetricFamily } from './host/counters.ts'
import type { Log } from './host/log.ts'
import type { Sockets } from './host/udp.ts'
import type { Installs } from './install/installs.ts'
import type { Observe } from './install/observation.ts'
import type { Inventory } from './inventory/inventory.ts'
import type { Reports } from './install/reports.ts'
import type { Plan } from './plan/compile.ts'
import type { Model } from './plan/model.ts'
import type { Sessions } from './serve/control/access/sessions.ts'
import type { Tokens } from './serve/control/access/tokens.ts'
import type { RoutesOptions as ControlOptions } from './serve/control/routes.ts'
import type { Balancer } from './serve/haproxy/balancer.ts'
import type { Drains } from './serve/haproxy/drained.ts'
import type { Hooks } from './serve/hooks/service.ts'
import type { NodeLogs } from './serve/syslog/node-logs.ts'
import type { RoutesOptions as HttpOptions } from './serve/http/routes.ts'
import type { Site } from './site/schema.ts'
import type { ActiveProblem, Finding } from './text/codes.ts'

/** What the components share. */
export type Shared = {
  /** Returns the active plan: one assignment in the app replaces it for all components. */
  readonly plan: () => Plan
  /** Returns the model that it was compiled from. */
  readonly model: () => Model
  readonly installs: Installs
  /** Records an observation of a thread that this component drains, see {@link Running.drain}. */
  readonly record: Observe
  readonly sessions: ClusterSessions
  readonly ignitionFiles: RoleIgnition
  readonly fileWatch: FileWatch
  /** The scripts of other installers that nodes boot. */
  readonly bootScripts: BootScripts
  /** The assisted services that install nodes. */
  readonly assisted: Assisted
  readonly balancer: Balancer
  readonly drains: Drains
  /** Undeclared machines that boot the inventory system. */
  readonly inventory: Inventory
  readonly reports: Reports
  readonly sockets: Sockets
  /** Captures what these sockets receive and send. */
  readonly capture: Capture
  readonly counters: Counters
  readonly clock: Clock
  readonly log: Log
  /** Called when a socket fails for good: the process should end. */
  readonly onLost: (error: Error) => void
  /** Clusters to follow, and the directory of their records. */
  readonly follow: { readonly site: Site; readonly directory: string } | undefined
  /** Path of the control socket. */
  readonly control: string | undefined
  /** State directory, if there is one. */
  readonly stateDirectory: string | undefined
  /** Tokens and sessions of the API. */
  readonly access: { readonly tokens: Tokens; readonly sessions: Sessions }
  /** The whole app, for the APIs. */
  readonly app: Pick<HttpOptions, 'health' | 'metrics'> &
    Pick<
      ControlOptions,
      'condition' | 'strangers' | 'explain' | 'site' | 'adoption' | 'removal' | 'power' | 'nodeLogs'
    > & {
      readonly clusters: () => Clusters | undefined
      readonly hooks: () => Hooks | undefined
      /** Returns all persistent problems. */
      readonly problems: () => readonly ActiveProblem[]
    }
}

export type Component = {
  readonly name: string
  /** Whether the process cannot run without it. All others can start later, when their port is free. */
  readonly isEssential?: boolean
  /** Whether the plan needs it. */
  isWanted(shared: Shared): boolean
  /** @throws {CannotListen} when a socket is not available; closes sockets that were opened before */
  start(shared: Shared): Promise<Running>
}

export type Running = {
  readonly name: string
  /** Sockets: `udp 172.16.0.101:67`. */
  readonly listening: readonly string[]
  /**
   * Applies the active plan; called after all components have started, and after each reload. Can return a promise.
   */
  apply?(): unknown
  /** Records what a thread of the component has reported up to now. */
  drain?(): void
  /** Applies a reloaded site. */
  swap?(site: Site): void
  /** Returns fields of `/health`, of the local API, and of the metrics. */
  health?(): Readonly<Record<string, unknown>>
  /** Returns fields of the local API only: they name files of this machine. */
  status?(): Readonly<Record<string, unknown>>
  metrics?(): readonly MetricFamily[]
  /** Returns persistent problems that prevent slipway from serving what the site declares. */
  problems?(): readonly ActiveProblem[]
  /** Returns the limitations of the component on this machine, such as missing lanes. */
  warnings?(): readonly Finding[]
  /** Returns persistent problems of other machines: resolvers, DHCP servers, and the servers of HAProxy. */
  outages?(): readonly ActiveProblem[]
  /** Returns a promise where closing takes time; it never rejects. */
  close(graceMs: number): unknown
  /** Present for the component `clusters`. */
  readonly clusters?: Clusters
  /** Present for the component `hooks`. */
  readonly hooks?: Hooks
  /** Present for the component `syslog`. */
  readonly nodeLogs?: NodeLogs
}
