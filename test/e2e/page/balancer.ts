/** A stats socket of HAProxy, on which the servers of installed nodes are up until they are drained. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { App } from '../../../src/app.ts'
import { statText } from '../../support/fake-haproxy.ts'

export async function startBalancer(path: string, app: () => App | undefined): Promise<Server> {
  /** Drained servers, as `BACKEND/SERVER`. */
  const drained = new Set<string>()
  const server = createServer((socket) => {
    socket.once('data', (data) => {
      const [, server = '', state] = /^set server (\S+) state (\w+)/.exec(data.toString()) ?? []
      if (state === 'ready') drained.delete(server)
      else if (server !== '') drained.add(server)
      socket.end(data.toString().startsWith('show stat') ? statText(rowsOf(app(), drained)) : '')
    })
    socket.on('error', () => {})
  }).listen(path)
  await once(server, 'listening')
  return server
}

/** The app asks before it has started. */
function rowsOf(app: App | undefined, drained: ReadonlySet<string>): string[][] {
  if (app === undefined) return []
  const modes = new Map(app.installs.list().map(({ node, mode }) => [node, mode]))
  return (app.plan().haproxy?.backends ?? []).flatMap(({ name, servers }) =>
    servers.map(({ name: server, node }) => {
      const [up, check] = modes.get(node) === 'installed' ? ['UP', 'L6OK'] : ['DOWN', 'L4CON']
      const status = drained.has(`${name}/${server}`) ? 'DRAIN' : up
      return [name, server, '0', '2', status, '600', check, '', '', '']
    }),
  )
}
