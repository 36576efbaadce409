/** Records what the handlers of a followed collection receive, and finds the next watch of a server. */
import type { FollowHandlers } from '../../src/cluster/connection/follow.ts'
import type { ApiObject, ApiServer } from './api-server.ts'

/** `calls` are in order; `until` resolves after so many. */
export function recordFollowed() {
  const calls: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const record = (line: string): void => {
    calls.push(line)
    for (const each of waiting) if (calls.length >= each.count) each.resolve()
  }
  const handlers: FollowHandlers<ApiObject> = {
    onList: (items) => record(`list ${items.map((item) => item.metadata.name).join(' ')}`),
    onEvent: (type, item) => record(`${type} ${item.metadata.name}`),
    onOutage: ({ sentence }) => record(`outage ${sentence}`),
    onReachable: () => record('reachable'),
    onRollback: () => record('rollback'),
  }
  return {
    calls,
    handlers,
    until: (count: number) =>
      calls.length >= count
        ? Promise.resolve()
        : new Promise<void>((resolve) => waiting.push({ count, resolve })),
  }
}

/** Resolves with the watch after the one that is open now. */
export async function nextWatch(server: ApiServer, path: string) {
  const [old] = server.watches(path)
  while (server.watches(path).includes(old!)) await new Promise(setImmediate)
  return server.watched(path)
}
