/**
 * The only connection to one cluster: one pool of connections, one list-watch for each kind of object, one backoff, and
 * one record of outages. Everything that needs the cluster reads from here.
 */
import type { Clock } from '../host/clock.ts'
import type { Log } from '../host/log.ts'
import { apiPaths, nameOf, type Kind } from './objects.ts'
import type { Problem } from './codes.ts'
import { connectCluster, type ClusterApi, type ClusterConnection } from './connection/client.ts'
import { problemOf } from './connection/errors.ts'
import { kubeconfigProblem, type KubeconfigFile, kubeconfigFile } from './kubeconfig/file.ts'
import { clusterDomain } from '../plan/model.ts'
import { formatIp } from '../proto/address/ip.ts'
import { endpointsOf } from '../site/declared.ts'
import { kubeconfigPath } from '../site/file-paths.ts'
import type { Cluster } from '../site/schema.ts'

export type ClusterSession = Pick<ClusterApi, 'get' | 'put'> & {
  /** Follows the kind from the first call until the last holder releases it. */
  hold<T>(kind: Kind<T>, listener: HoldListener): Held<T>
  /** Asks the API server for its version, which shows whether it answers. Never rejects. */
  checkApi(signal: AbortSignal): Promise<ApiCheck>
  /** The first outage of anything that is read from the cluster. */
  outage(): Outage | undefined
  /** Whether the nodes cannot be read now: without a usable kubeconfig, or while the API does not respond. */
  cannotReadNodes(): boolean
  /** The path, unless the site does not name one. */
  readonly kubeconfigPath: string | undefined
  /** Returns why the kubeconfig cannot be used now. */
  kubeconfigProblem(): Problem | undefined
  /** Ends all requests and watches. */
  close(): void
}

export type ApiCheck =
  | { readonly isUp: true; readonly version: string | undefined }
  | { readonly isUp: false; readonly problem: Problem }

type HoldListener = {
  /** @param name of the object that changed; undefined after a new list */
  onChange(name?: string): void
  onOutage?(): void
  /** The server sent an object without a name. */
  onUnreadable?(): void
}

/** The known objects of one kind. */
export type Held<T> = {
  /** Empty before the first list. */
  items(): readonly T[]
  get(name: string): T | undefined
  /** Whether the items are those that the server has now. */
  isCurrent(): boolean
  /** Whether the items were current within the last minute. */
  isRecent(): boolean
  outage(): Outage | undefined
  /** Applies an object that the server sent in another response, before its event arrives. */
  set(object: unknown): void
  /** Removes an object that the server no longer has, before the event arrives. */
  remove(name: string): void
  release(): void
}

type SessionOptions = {
  readonly cluster: string
  readonly kubeconfig: KubeconfigFile
  readonly clock: Clock
  readonly log: Pick<Log, 'warn' | 'info'>
  readonly connect?: (options: { kubeconfig: KubeconfigFile; clock: Clock }) => ClusterConnection
}

type Collection = {
  readonly kind: Kind<unknown>
  readonly items: Map<string, unknown>
  readonly listeners: Set<HoldListener>
  isListed: boolean
  end: AbortController
}

/** The last state stays valid for a short outage, such as a cut connection or a control-plane node that reboots. */
export const staleAfterMs = 60_000

/** Sends nothing before the first call. */
export function openSession(options: SessionOptions): ClusterSession {
  const { cluster, kubeconfig, clock, log, connect = connectCluster } = options
  const api = connect({ kubeconfig, clock })
  const outages = createOutages(cluster, clock, log)
  const collections = new Map<string, Collection>()

  function start(collection: Collection): void {
    const { kind, items, listeners } = collection
    const { path } = kind
    collection.isListed = false
    collection.end = new AbortController()
    const onOutage = (): void => listeners.forEach((each) => each.onOutage?.())
    void api.follow<object>(
      path,
      {
        onList(objects) {
          items.clear()
          for (const object of objects) apply(collection, object)
          collection.isListed = true
          for (const listener of listeners) listener.onChange()
        },
        onEvent(type, object) {
          const name = type === 'DELETED' ? removed(collection, nameOf(object)) : apply(collection, object)
          for (const listener of listeners) listener.onChange(name)
        },
        onOutage(problem) {
          outages.report(path, problem)
          onOutage()
        },
        onReachable() {
          outages.end(path)
          onOutage()
        },
        onRollback() {
          log.warn({ cluster, path }, 'cluster returned an older state, reading everything again')
          for (const other of collections.values()) if (other !== collection) restart(other)
        },
      },
      collection.end.signal,
    )
  }

  function restart(collection: Collection): void {
    collection.end.abort()
    outages.drop(collection.kind.path)
    start(collection)
  }

  function hold<T>(kind: Kind<T>, listener: HoldListener): Held<T> {
    const existing = collections.get(kind.path)
    const collection: Collection = existing ?? {
      kind,
      items: new Map(),
      listeners: new Set(),
      isListed: false,
      end: new AbortController(),
    }
    // A separate holder for each call, even if the same listener already holds the kind.
    const own: HoldListener = { ...listener }
    collection.listeners.add(own)
    collections.set(kind.path, collection)
    if (existing === undefined) start(collection)
    const outage = () => outages.get(kind.path)
    const notifyOthers = (name: string): void => {
      for (const each of collection.listeners) if (each !== own) each.onChange(name)
    }
    return {
      items: () => [...collection.items.values()] as T[],
      get: (name) => collection.items.get(name) as T | undefined,
      isCurrent: () => collection.isListed && outage() === undefined,
      isRecent() {
        const { sinceMs = clock.monotonic() } = outage() ?? {}
        return collection.isListed && (outage() === undefined || clock.monotonic() - sinceMs < staleAfterMs)
      },
      outage,
      set: (object) => notifyOthers(apply(collection, object as object)),
      remove: (name) => notifyOthers(removed(collection, name)),
      release() {
        collection.listeners.delete(own)
        if (collection.listeners.size > 0 || collections.get(kind.path) !== collection) return
        collection.end.abort()
        collections.delete(kind.path)
        outages.drop(kind.path)
      },
    }
  }

  async function checkApi(signal: AbortSignal): Promise<ApiCheck> {
    try {
      const { gitVersion } = await api.get<{ gitVersion?: unknown }>(apiPaths.version, signal)
      outages.end(apiPaths.version)
      return { isUp: true, version: typeof gitVersion === 'string' ? gitVersion : undefined }
    } catch (error) {
      const problem = problemOf(error)
      if (!signal.aborted) outages.report(apiPaths.version, problem)
      return { isUp: false, problem }
    }
  }

  return {
    get: (path, signal) => api.get(path, signal),
    put: (path, body, signal) => api.put(path, body, signal),
    hold,
    checkApi,
    outage: () => outages.get(),
    cannotReadNodes() {
      const isOut = [apiPaths.version, apiPaths.nodes].some((path) => outages.get(path) !== undefined)
      return isOut || kubeconfigProblem(kubeconfig) !== undefined
    },
    kubeconfigPath: kubeconfig.path,
    kubeconfigProblem: () => kubeconfigProblem(kubeconfig),
    close() {
      for (const { end } of collections.values()) end.abort()
      collections.clear()
      api.close()
    },
  }
}

/** @returns the object's name */
function apply({ kind, items, listeners }: Collection, object: object): string {
  const name = nameOf(object)
  const kept = name === '' ? undefined : kind.keep(object)
  if (name === '') for (const listener of listeners) listener.onUnreadable?.()
  if (kept === undefined) items.delete(name)
  else items.set(name, kept)
  const [oldest] = items.keys()
  if (oldest !== undefined && items.size > (kind.maxItems ?? Infinity)) items.delete(oldest)
  return name
}

function removed({ items }: Collection, name: string): string {
  items.delete(name)
  return name
}

/** `sinceMs` is a time of the monotonic clock. */
export type Outage = Problem & { readonly sinceMs: number }

export type Outages = {
  /** @param source what cannot be read: a path */
  report(source: string, problem: Problem): void
  /** The source is reachable. */
  end(source: string): void
  /** The source is no longer read. */
  drop(source: string): void
  /** The outage of a source, or the first one of the cluster. */
  get(source?: string): Outage | undefined
}

/**
 * Records why a cluster cannot be reached, in one place for all that is read from it. All collections of a cluster
 * fail for the same reason, so the log gets one line for each reason, and one line when everything is reachable again.
 */
export function createOutages(cluster: string, clock: Clock, log: Pick<Log, 'warn' | 'info'>): Outages {
  const bySource = new Map<string, Outage>()
  const logged = new Set<string>()
  /** Whether a source became reachable since the last line: reasons that no source has any longer can be logged again. */
  let isRecovering = false

  function forgetEnded(): void {
    const current = new Set([...bySource.values()].map(({ sentence }) => sentence))
    for (const sentence of logged) if (!current.has(sentence)) logged.delete(sentence)
  }

  return {
    report(source, { code, sentence }) {
      const sinceMs = bySource.get(source)?.sinceMs ?? clock.monotonic()
      bySource.set(source, { code, sentence, sinceMs })
      if (isRecovering) forgetEnded()
      if (logged.has(sentence)) return
      logged.add(sentence)
      isRecovering = false
      log.warn({ cluster, code, reason: sentence }, 'cluster API unreachable')
    },
    end(source) {
      if (!bySource.delete(source)) return
      isRecovering = true
      forgetEnded()
      if (bySource.size === 0) log.info({ cluster }, 'cluster API reachable again')
    },
    drop: (source) => void bySource.delete(source),
    get: (source) => (source === undefined ? [...bySource.values()][0] : bySource.get(source)),
  }
}

// One session for each cluster of the site. A reload keeps the sessions of clusters that did not change.

export type Sessions = {
  /** @param cluster its name in the site */
  get(cluster: string): ClusterSession | undefined
  /** Applies the clusters of a reloaded site. Users of a session that was replaced have to get the new one. */
  swap(clusters: readonly Cluster[]): void
  close(): void
}

type SessionsOptions = Pick<SessionOptions, 'connect'> & {
  readonly clusters: readonly Cluster[]
  readonly clock: Clock
  readonly log: Log
}

export function createSessions({ clusters, clock, log, connect }: SessionsOptions): Sessions {
  type Entry = { readonly identity: string; readonly session: ClusterSession }
  let entries: ReadonlyMap<string, Entry> = new Map()

  function open(cluster: Cluster): ClusterSession {
    const kubeconfig = kubeconfigFile(cluster, () => clock.now())
    return openSession({ cluster: cluster.name, kubeconfig, clock, log, ...(connect && { connect }) })
  }

  function swap(next: readonly Cluster[]): void {
    const before = entries
    entries = new Map(
      next.map((cluster) => {
        const identity = identityOf(cluster)
        const old = before.get(cluster.name)
        return [cluster.name, old?.identity === identity ? old : { identity, session: open(cluster) }]
      }),
    )
    for (const [name, old] of before) if (entries.get(name) !== old) old.session.close()
  }

  swap(clusters)
  return { get: (cluster) => entries.get(cluster)?.session, swap, close: () => swap([]) }
}

/** The settings that decide which servers the kubeconfig may name. */
function identityOf(cluster: Cluster): string {
  const path = kubeconfigPath(cluster)
  const { api, apiInternal } = endpointsOf(cluster)
  return [path, clusterDomain(cluster), ...[...api, ...apiInternal].map(formatIp)].join(' ')
}
