/** A {@link ClusterApi} in memory: its watch is told by the test, and what is put is kept as a real server would. */
import {
  ApiProblem,
  type ClusterApi,
  type FollowHandlers,
  type WatchEventType,
} from '../../src/cluster/api.ts'

export type MemoryObject = {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string } & Record<string, unknown>
} & Record<string, unknown>

export type MemoryCluster = {
  readonly api: ClusterApi
  /** As `METHOD path`. */
  readonly requests: readonly string[]
  /** Whether somebody still follows. */
  isFollowed(): boolean
  /** Adds an object, or changes it, at its path; says so to who follows unless it is `silent`. */
  set(path: string, object: MemoryObject, silent?: boolean): void
  remove(path: string): void
  at(path: string): MemoryObject | undefined
  list(items: readonly unknown[]): void
  event(type: WatchEventType, item: unknown): void
  trouble(sentence: string): void
  /** The trouble is over. */
  heard(): void
  /** The next requests of a method and path fail so. */
  fail(request: string, ...errors: readonly Error[]): void
}

export function memoryCluster(): MemoryCluster {
  const objects = new Map<string, MemoryObject>()
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
  function set(path: string, object: MemoryObject, silent = false): void {
    const type = objects.has(path) ? 'MODIFIED' : 'ADDED'
    const kept = { ...object, metadata: { ...object.metadata, resourceVersion: String(version++) } }
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
      follow(_path, handlers, signal) {
        following.push({ handlers: handlers, signal })
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
      },
      async put<T>(path: string, body: unknown) {
        await Promise.resolve()
        begin('PUT', path)
        const target = path.replace(/\/approval$/, '')
        const next = body as MemoryObject
        const { resourceVersion } = objects.get(target)?.metadata ?? {}
        if (resourceVersion === undefined) throw new ApiProblem(404, 'NotFound', `${path} is not there`)
        if (next.metadata.resourceVersion !== resourceVersion) {
          throw new ApiProblem(409, 'Conflict', 'the object has been modified')
        }
        set(target, next)
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
    list: (items) => tell((handlers) => handlers.onList(items)),
    event: (type, item) => tell((handlers) => handlers.onEvent(type, item)),
    trouble: (sentence) => tell((handlers) => handlers.onTrouble(sentence)),
    heard: () => tell((handlers) => handlers.onHeard()),
    fail: (request, ...errors) => void failures.set(request, [...errors]),
  }
}
