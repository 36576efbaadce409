/** An API of a cluster that a test plays by hand: no server, no time. */
import {
  ApiProblem,
  type ClusterApi,
  type FollowHandlers,
  type WatchEventType,
} from '../../src/cluster/api.ts'

export type MemoryApi = ClusterApi & {
  /** What `get` finds, by path; whatever is not there is a 404. */
  readonly objects: Map<string, unknown>
  /** Says the whole collection, or a change, or a trouble, to those who follow it. */
  list(path: string): Promise<never>
  say(path: string, items: readonly object[]): void
  change(path: string, type: WatchEventType, item: object): void
  trouble(path: string, sentence: string): void
  /** The trouble is over. */
  heard(path: string): void
  /** Paths that are followed now. */
  followed(): readonly string[]
}

export function memoryApi(): MemoryApi {
  const objects = new Map<string, unknown>()
  const followers = new Map<string, FollowHandlers<object>>()
  const refuse = (path: string) => Promise.reject(new ApiProblem(404, 'NotFound', `${path} is not there`))
  return {
    objects,
    get: <T>(path: string) => (objects.has(path) ? Promise.resolve(objects.get(path) as T) : refuse(path)),
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
    say: (path, items) => followers.get(path)?.onList(items),
    change: (path, type, item) => followers.get(path)?.onEvent(type, item),
    trouble: (path, sentence) => followers.get(path)?.onTrouble(sentence),
    heard: (path) => followers.get(path)?.onHeard(),
    followed: () => [...followers.keys()],
  }
}
