/** What a follower of a collection was told, and the watches that it opens. */
import type { WatchEventType } from '../../src/cluster/api.ts'
import type { ApiObject, ApiServer } from './api-server.ts'

/** In order; `until` resolves when so much was told. */
export function recordFollowed() {
  const told: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const tell = (line: string): void => {
    told.push(line)
    for (const each of waiting) if (told.length >= each.count) each.resolve()
  }
  return {
    told,
    until: (count: number) =>
      told.length >= count
        ? Promise.resolve()
        : new Promise<void>((resolve) => waiting.push({ count, resolve })),
    handlers: {
      onList: (items: readonly ApiObject[]) =>
        tell(`list ${items.map((item) => item.metadata.name).join(' ')}`),
      onEvent: (type: WatchEventType, item: ApiObject) => tell(`${type} ${item.metadata.name}`),
      onTrouble: (sentence: string) => tell(`trouble ${sentence}`),
      onHeard: () => tell('heard'),
    },
  }
}

/** The one after that which is open now. */
export async function nextWatch(server: ApiServer, path: string) {
  const [old] = server.watches(path)
  while (server.watches(path).includes(old!)) await new Promise(setImmediate)
  return server.watched(path)
}
