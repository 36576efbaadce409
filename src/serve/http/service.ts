/** HTTP as a service: the routes on a socket, and a close that lets downloads end. */
import type { AddressInfo } from 'node:net'
import type { Service } from '../../host/service.ts'
import type { Sockets } from '../../host/udp.ts'
import { createRoutes, type RoutesOptions } from './routes.ts'

export type HttpOptions = RoutesOptions & {
  readonly sockets: Sockets
  readonly onLost: (error: Error) => void
}

/** @throws {CannotListen} */
export async function startHttp(options: HttpOptions): Promise<Service> {
  const { sockets, clock, onLost } = options
  const { app, http } = await createRoutes(options)
  const { server } = http
  await sockets.tcp('http', server, options.plan())
  server.on('error', onLost)
  const { address, port } = server.address() as AddressInfo
  return {
    name: 'http',
    listening: [`tcp ${address}:${port}`],
    async close(graceMs) {
      const timer = clock.after(graceMs, () => server.closeAllConnections())
      await http.close()
      timer.cancel()
      await app.close()
    },
  }
}
