/**
 * Collections of a cluster's API as they are now, each followed from when it is first wanted. Of objects only what is
 * judged is held: a Node lists every image on its disk.
 */
import type { Clock } from '../host/clock.ts'
import type { ClusterApi } from './connection/client.ts'
import { apiPaths, isUndecided, nameOf, type Conditioned } from './objects.ts'

export type Collections = {
  /** Follows it from now on; more than once is once. */
  begin(path: string): void
  /** Lets go of it, and of what it held. */
  end(path: string): void
  /** Those that are followed. */
  paths(): readonly string[]
  isListed(path: string): boolean
  /** Nothing before it was listed. */
  items(path: string): readonly Conditioned[]
  /** Why nothing is heard of it at the moment. */
  trouble(path: string): Silence | undefined
  close(): void
}

/** `since`: of the monotonic clock, in milliseconds. */
export type Silence = { readonly sentence: string; readonly since: number }

export type CollectionsOptions = {
  readonly api: Pick<ClusterApi, 'follow'>
  readonly clock: Clock
  readonly onChange: () => void
  readonly onOutage: (path: string, sentence: string) => void
  readonly onReachable: (path: string) => void
}

type Collection = {
  readonly end: AbortController
  readonly byName: Map<string, Conditioned>
  isListed: boolean
  trouble?: Silence | undefined
}

/** Whoever has an Ignition file can make requests by the thousand; a few thousand say as much as all of them. */
export const mostRequests = 5000

export function holdCollections(options: CollectionsOptions): Collections {
  const { api, clock, onChange, onOutage, onReachable } = options
  const collections = new Map<string, Collection>()

  function begin(path: string): void {
    if (collections.has(path)) return
    const collection: Collection = { end: new AbortController(), byName: new Map(), isListed: false }
    const { byName } = collection
    collections.set(path, collection)
    const isRequests = path === apiPaths.signingRequests
    const keep = (item: Conditioned): void => {
      const name = nameOf(item)
      const isKept = !isRequests || (isUndecided(item) && (byName.has(name) || byName.size < mostRequests))
      if (isKept) byName.set(name, judged(item))
      else byName.delete(name)
    }
    void api.follow<Conditioned>(
      path,
      {
        onList(all) {
          byName.clear()
          for (const item of all) keep(item)
          collection.isListed = true
          onChange()
        },
        onEvent(type, item) {
          if (type === 'DELETED') byName.delete(nameOf(item))
          else keep(item)
          onChange()
        },
        onOutage(sentence) {
          collection.trouble = { sentence, since: collection.trouble?.since ?? clock.monotonic() }
          onOutage(path, sentence)
        },
        onReachable() {
          collection.trouble = undefined
          onReachable(path)
        },
        onRollback() {},
      },
      collection.end.signal,
    )
  }

  function end(path: string): void {
    collections.get(path)?.end.abort()
    collections.delete(path)
  }

  return {
    begin,
    end,
    paths: () => [...collections.keys()],
    isListed: (path) => collections.get(path)?.isListed === true,
    items: (path) => [...(collections.get(path)?.byName.values() ?? [])],
    trouble: (path) => collections.get(path)?.trouble,
    close() {
      for (const path of [...collections.keys()]) end(path)
    },
  }
}

/** What is read of an object: all that `objects.ts` names. */
function judged(item: Conditioned & { readonly data?: unknown; readonly spec?: unknown }): Conditioned {
  const { name, creationTimestamp } = item.metadata ?? {}
  const { username } = (item.spec ?? {}) as { readonly username?: string }
  const { conditions } = item.status ?? {}
  return {
    metadata: {
      ...(name !== undefined && { name }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    ...(item.data === undefined ? {} : { data: item.data }),
    ...(username === undefined ? {} : { spec: { username } }),
    ...(conditions === undefined ? {} : { status: { conditions } }),
  }
}
