/**
 * A {@link ClusterApi} in memory: the test sends its watch events, and it keeps what is put as a real server would. What
 * it sends is checked against the published documents, as in api-server.ts, unless a test uses `unchecked`.
 */
import type { ClusterApi } from '../../src/cluster/connection/client.ts'
import type { WatchEventType, FollowHandlers } from '../../src/cluster/connection/follow.ts'
import { ApiProblem } from '../../src/cluster/connection/errors.ts'
import { asKept, asListed, type ApiObject } from './api-shapes.ts'
import { updated } from './api-update.ts'

export type MemoryCluster = {
  readonly api: ClusterApi
  /** As `METHOD path`. */
  readonly requests: readonly string[]
  isFollowed(): boolean
  /** Adds or changes the object at a path, and sends an event unless it is `silent`. */
  set(path: string, object: ApiObject, silent?: boolean): void
  remove(path: string): void
  at(path: string): ApiObject | undefined
  list(items: readonly object[]): void
  event(type: WatchEventType, item: object): void
  /** What no server sends. */
  readonly unchecked: {
    set(path: string, value: unknown): void
    list(items: readonly object[]): void
    event(type: WatchEventType, item: object): void
  }
  outage(sentence: string): void
  reachable(): void
  /** The next requests of a method and path fail with these errors. */
  fail(request: string, ...errors: readonly Error[]): void
}

export function memoryCluster(): MemoryCluster {
  const objects = new Map<string, ApiObject>()
  let followed = ''
  const failures = new Map<string, Error[]>()
  const requests: string[] = []
  const following: { handlers: FollowHandlers<object>; signal: AbortSignal }[] = []
  let version = 1

  function begin(method: string, path: string): void {
    requests.push(`${method} ${path}`)
    const error = failures.get(`${method} ${path}`)?.shift()
    if (error !== undefined) throw error
  }
  const send = (each: (handlers: FollowHandlers<object>) => void): void => {
    for (const { handlers, signal } of following) if (!signal.aborted) each(handlers)
  }
  function set(path: string, object: ApiObject, silent = false): void {
    const type = objects.has(path) ? 'MODIFIED' : 'ADDED'
    const metadata = { ...object.metadata, resourceVersion: String(version++) }
    const kept = asKept(path, { ...object, metadata })
    objects.set(path, kept)
    if (!silent) send((handlers) => handlers.onEvent(type, kept))
  }

  return {
    api: {
      async get<T>(path: string) {
        await Promise.resolve()
        begin('GET', path)
        const object = objects.get(path)
        if (object === undefined) throw new ApiProblem(404, 'NotFound', `${path} does not exist`)
        return object as T
      },
      list: () => Promise.reject(new Error('not supported')),
      follow(path, handlers, signal) {
        followed = path
        following.push({ handlers: handlers as FollowHandlers<object>, signal })
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
      },
      async put<T>(path: string, body: unknown) {
        await Promise.resolve()
        begin('PUT', path)
        const target = path.replace(/\/approval$/, '')
        const old = objects.get(target)
        if (old === undefined) throw new ApiProblem(404, 'NotFound', `${path} does not exist`)
        const next = updated(path, old, body as ApiObject)
        if (next.kind === 'refused') throw new ApiProblem(next.status, next.reason, next.message)
        set(target, next.object)
        return objects.get(target) as T
      },
    },
    requests,
    isFollowed: () => following.some(({ signal }) => !signal.aborted),
    set,
    remove(path) {
      const object = objects.get(path)
      objects.delete(path)
      if (object !== undefined) send((handlers) => handlers.onEvent('DELETED', object))
    },
    at: (path) => objects.get(path),
    list: (items) => {
      const listed = items.map((item) => asListed(followed, item))
      send((handlers) => handlers.onList(listed))
    },
    event: (type, item) => send((handlers) => handlers.onEvent(type, asKept(followed, item))),
    unchecked: {
      set: (path, value) => void objects.set(path, value as ApiObject),
      list: (items) => send((handlers) => handlers.onList(items)),
      event: (type, item) => send((handlers) => handlers.onEvent(type, item)),
    },
    outage: (sentence) => send((handlers) => handlers.onOutage({ code: 'cluster.unreachable', sentence })),
    reachable: () => send((handlers) => handlers.onReachable()),
    fail: (request, ...errors) => void failures.set(request, [...errors]),
  }
}
