/** The local API as a service on a Unix socket. The mode of the socket decides which users may connect. */
import type { Service } from '../../host/service.ts'
import { listenOnUnixSocket } from '../../host/unix-socket.ts'
import { createRoutes, type RoutesOptions } from './routes.ts'

export type ControlOptions = RoutesOptions & {
  readonly path: string
  readonly onLost: (error: Error) => void
}

/** @throws {CannotListen} */
export async function startControl(options: ControlOptions): Promise<Service> {
  const { path, onLost } = options
  const app = createRoutes(options)
  await app.ready()
  const { server } = app
  await listenOnUnixSocket(server, path)
  server.on('error', onLost)
  return {
    name: 'control',
    listening: [`unix ${path}`],
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      // Event streams never end, and a pending reload has no result after the end of the process.
      server.closeAllConnections()
      await closed
      await app.close()
    },
  }
}
