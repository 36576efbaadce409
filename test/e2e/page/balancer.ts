/** A stats socket of HAProxy, on which the servers of installed nodes are up. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { App } from '../../../src/app.ts'
import { statText } from '../../support/fake-haproxy.ts'

export async function startBalancer(path: string, app: () => App | undefined): Promise<Server> {
  const server = createServer((socket) => {
    socket.once('data', (data) =>
      socket.end(data.toString().startsWith('show stat') ? statText(rowsOf(app())) : ''),
    )
    socket.on('error', () => {})
  }).listen(path)
  await once(server, 'listening')
  return server
}

/** The app asks before it has started. */
function rowsOf(app: App | undefined): string[][] {
  if (app === undefined) return []
  const modes = new Map(app.installs.list().map(({ node, mode }) => [node, mode]))
  return (app.plan().haproxy?.backends ?? []).flatMap(({ name, servers }) =>
    servers.map(({ name: server, node }) => {
      const [status, check] = modes.get(node) === 'installed' ? ['UP', 'L6OK'] : ['DOWN', 'L4CON']
      return [name, server, '0', '2', status, '600', check, '', '', '']
    }),
  )
}
