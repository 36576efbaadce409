import type { Store } from '../../src/install/store.ts'

/** Returns a store whose transactions all go through `keep`; those of `commit` are on the disk at once. */
export function storeWithKeep(store: Store, keep: Store['keep']): Store {
  return {
    ...store,
    keep,
    commit(states, observations, repeats) {
      keep(states, observations, repeats, 'now')
      return { onDisk: Promise.resolve() }
    },
  }
}
