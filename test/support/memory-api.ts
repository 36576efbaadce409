/**
 * An API of a cluster that a test plays by hand: no server, no time. What it says is held against the published
 * documents, as in api-server.ts.
 */
import { ApiProblem } from '../../src/cluster/connection/errors.ts'
import type { ClusterApi } from '../../src/cluster/connection/client.ts'
import type { FollowHandlers } from '../../src/cluster/connection/follow.ts'
import type { WatchEventType } from '../../src/cluster/connection/watch.ts'
import { asAnswered, asKept, asListed } from './api-shapes.ts'

export type MemoryApi = ClusterApi & {
  /** What `get` finds, by path; whatever is not there is a 404. A promise is waited for. */
  readonly objects: Map<string, unknown>
  /** As `objects`, of what no server says. */
  readonly oddities: Map<string, unknown>
  /** Says the whole collection, or a change, or a trouble, to those who follow it. */
  list(path: string): Promise<never>
  say(path: string, items: readonly object[]): void
  change(path: string, type: WatchEventType, item: object): void
  /** A collection and a change, of what no server says. */
  saySomething(path: string, items: readonly object[], item: object): void
  trouble(path: string, sentence: string): void
  /** The trouble is over. */
  heard(path: string): void
  /** Paths that are followed now. */
  followed(): readonly string[]
}

export function memoryApi(): MemoryApi {
  const objects = new Map<string, unknown>()
  const oddities = new Map<string, unknown>()
  const followers = new Map<string, FollowHandlers<object>>()
  const refuse = (path: string) => Promise.reject(new ApiProblem(404, 'NotFound', `${path} is not there`))
  return {
    objects,
    oddities,
    async get<T>(path: string) {
      if (oddities.has(path)) return oddities.get(path) as T
      if (!objects.has(path)) return refuse(path)
      return asAnswered(path, (await objects.get(path)) as object) as T
    },
    list: refuse,
    put: refuse,
    follow: (path, handlers, signal) => {
      followers.set(path, handlers as FollowHandlers<object>)
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          followers.delete(path)
          resolve()
        })
      })
    },
    say: (path, items) => followers.get(path)?.onList(items.map((item) => asListed(path, item))),
    change: (path, type, item) => followers.get(path)?.onEvent(type, asKept(path, item)),
    saySomething(path, items, item) {
      followers.get(path)?.onList(items)
      followers.get(path)?.onEvent('ADDED', item)
    },
    trouble: (path, sentence) => followers.get(path)?.onOutage(sentence),
    heard: (path) => followers.get(path)?.onReachable(),
    followed: () => [...followers.keys()],
  }
}
