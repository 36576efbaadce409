/**
 * A {@link ClusterApi} in memory: its watch is told by the test, and what is put is kept as a real server would. What
 * it says is held against the published documents, as in api-server.ts, unless a test wants it `odd`.
 */
import { ApiProblem } from '../../src/cluster/connection/errors.ts'
import type { ClusterApi } from '../../src/cluster/connection/client.ts'
import type { FollowHandlers } from '../../src/cluster/connection/follow.ts'
import type { WatchEventType } from '../../src/cluster/connection/watch.ts'
import { asKept, asListed, type ApiObject } from './api-shapes.ts'
import { updated } from './api-update.ts'

export type MemoryCluster = {
  readonly api: ClusterApi
  /** As `METHOD path`. */
  readonly requests: readonly string[]
  /** Whether somebody still follows. */
  isFollowed(): boolean
  /** Adds an object, or changes it, at its path; says so to who follows unless it is `silent`. */
  set(path: string, object: ApiObject, silent?: boolean): void
  remove(path: string): void
  at(path: string): ApiObject | undefined
  list(items: readonly object[]): void
  event(type: WatchEventType, item: object): void
  /** What no server says. */
  readonly odd: {
    set(path: string, value: unknown): void
    list(items: readonly unknown[]): void
    event(type: WatchEventType, item: unknown): void
  }
  trouble(sentence: string): void
  /** The trouble is over. */
  heard(): void
  /** The next requests of a method and path fail so. */
  fail(request: string, ...errors: readonly Error[]): void
}

export function memoryCluster(): MemoryCluster {
  const objects = new Map<string, ApiObject>()
  let followed = ''
  const failures = new Map<string, Error[]>()
  const requests: string[] = []
  const following: { handlers: FollowHandlers<unknown>; signal: AbortSignal }[] = []
  let version = 1

  function begin(method: string, path: string): void {
    requests.push(`${method} ${path}`)
    const error = failures.get(`${method} ${path}`)?.shift()
    if (error !== undefined) throw error
  }
  const tell = (each: (handlers: FollowHandlers<unknown>) => void): void => {
    for (const { handlers, signal } of following) if (!signal.aborted) each(handlers)
  }
  function set(path: string, object: ApiObject, silent = false): void {
    const type = objects.has(path) ? 'MODIFIED' : 'ADDED'
    const metadata = { ...object.metadata, resourceVersion: String(version++) }
    const kept = asKept(path, { ...object, metadata })
    objects.set(path, kept)
    if (!silent) tell((handlers) => handlers.onEvent(type, kept))
  }

  return {
    api: {
      async get<T>(path: string) {
        await Promise.resolve()
        begin('GET', path)
        const object = objects.get(path)
        if (object === undefined) throw new ApiProblem(404, 'NotFound', `${path} is not there`)
        return object as T
      },
      list: () => Promise.reject(new Error('nobody lists here')),
      follow(path, handlers, signal) {
        followed = path
        following.push({ handlers: handlers, signal })
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
      },
      async put<T>(path: string, body: unknown) {
        await Promise.resolve()
        begin('PUT', path)
        const target = path.replace(/\/approval$/, '')
        const old = objects.get(target)
        if (old === undefined) throw new ApiProblem(404, 'NotFound', `${path} is not there`)
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
      tell((handlers) => handlers.onEvent('DELETED', object))
    },
    at: (path) => objects.get(path),
    list: (items) => {
      const listed = items.map((item) => asListed(followed, item))
      tell((handlers) => handlers.onList(listed))
    },
    event: (type, item) => tell((handlers) => handlers.onEvent(type, asKept(followed, item))),
    odd: {
      set: (path, value) => void objects.set(path, value as ApiObject),
      list: (items) => tell((handlers) => handlers.onList(items)),
      event: (type, item) => tell((handlers) => handlers.onEvent(type, item)),
    },
    trouble: (sentence) => tell((handlers) => handlers.onOutage(sentence)),
    heard: () => tell((handlers) => handlers.onReachable()),
    fail: (request, ...errors) => void failures.set(request, [...errors]),
  }
}
