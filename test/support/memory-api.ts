/**
 * A cluster's API that a test plays by hand, without a server and without time. What it sends is checked against the
 * published documents, as in api-server.ts.
 */
import type { ClusterApi } from '../../src/cluster/connection/client.ts'
import type { WatchEventType, FollowHandlers } from '../../src/cluster/connection/follow.ts'
import { ApiProblem } from '../../src/cluster/connection/errors.ts'
import { asAnswered, asKept, asListed } from './api-shapes.ts'

export type MemoryApi = ClusterApi & {
  /** What `get` returns, by path; anything else is a 404. A promise is awaited. */
  readonly objects: Map<string, unknown>
  /** As `objects`, without the check. */
  readonly unchecked: Map<string, unknown>
  list(path: string): Promise<never>
  /** Sends the whole collection, an event, or an outage to the follower of a path. */
  sendList(path: string, items: readonly object[]): void
  sendEvent(path: string, type: WatchEventType, item: object): void
  sendOutage(path: string, sentence: string): void
  sendReachable(path: string): void
  sendRollback(path: string): void
  /** Sends a list and an event without the check. */
  sendUnchecked(path: string, items: readonly object[], item: object): void
  /** The paths that are followed now. A path that is followed twice is there twice. */
  followed(): readonly string[]
}

export function memoryApi(): MemoryApi {
  const objects = new Map<string, unknown>()
  const unchecked = new Map<string, unknown>()
  const followers = new Set<{ readonly path: string; readonly handlers: FollowHandlers<object> }>()
  const refuse = (path: string) => Promise.reject(new ApiProblem(404, 'NotFound', `${path} does not exist`))
  const each = (path: string, send: (handlers: FollowHandlers<object>) => void): void => {
    for (const follower of [...followers]) if (follower.path === path) send(follower.handlers)
  }
  return {
    objects,
    unchecked,
    async get<T>(path: string) {
      if (unchecked.has(path)) return unchecked.get(path) as T
      if (!objects.has(path)) return refuse(path)
      return asAnswered(path, (await objects.get(path)) as object) as T
    },
    list: refuse,
    put: refuse,
    follow(path, handlers, signal) {
      const follower = { path, handlers: handlers as FollowHandlers<object> }
      followers.add(follower)
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          followers.delete(follower)
          resolve()
        })
      })
    },
    sendList: (path, items) =>
      each(path, (handlers) => handlers.onList(items.map((item) => asListed(path, item)))),
    sendEvent: (path, type, item) => each(path, (handlers) => handlers.onEvent(type, asKept(path, item))),
    sendOutage: (path, sentence) =>
      each(path, (handlers) => handlers.onOutage({ code: 'cluster.unreachable', sentence })),
    sendReachable: (path) => each(path, (handlers) => handlers.onReachable()),
    sendRollback: (path) => each(path, (handlers) => handlers.onRollback()),
    sendUnchecked(path, items, item) {
      each(path, (handlers) => handlers.onList(items))
      each(path, (handlers) => handlers.onEvent('ADDED', item))
    },
    followed: () => [...followers].map(({ path }) => path),
  }
}
