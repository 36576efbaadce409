/** The HTTP service: the routes on their sockets, and a close that waits for downloads. */
import type { AddressInfo, Server as NetServer } from 'node:net'
import type { Service, Sockets } from '../../host/udp.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { endpointText } from '../../text/endpoint.ts'
import { createRoutes, type RoutesOptions } from './routes.ts'

export type HttpOptions = RoutesOptions & {
  readonly sockets: Sockets
  readonly onLost: (error: Error) => void
}

export type HttpService = Service & {
  /** Returns the problem of the lane for images, if it stopped. */
  readonly problems: () => readonly ActiveProblem[]
}

/**
 * How many connections may wait to be accepted: a rack of 1,000 nodes that connect while a write to the disk blocks the
 * process. Node's default is 511; further clients would send their SYN again after 1, 2, 4, … s.
 */
const backlog = 1024

/** @throws {CannotListen} */
export async function startHttp(options: HttpOptions): Promise<HttpService> {
  const { sockets, clock, onLost } = options
  const { app, http, lane } = await createRoutes(options)
  const { server } = http
  const { address, address6, port } = options.plan()
  await sockets.tcp('http', server, { address, port, backlog })
  const listeners: NetServer[] = [server]
  if (address6 !== undefined) {
    const second = http.addListener()
    try {
      await sockets.tcp('http6', second, { address: address6, port, backlog })
    } catch (error) {
      await http.close()
      throw error
    }
    listeners.push(second)
  }
  for (const each of listeners) each.on('error', onLost)
  return {
    name: 'http',
    problems: () => lane.problems(),
    listening: listeners.map((each) => `tcp ${endpointText(each.address() as AddressInfo)}`),
    async close(graceMs) {
      const timer = clock.after(graceMs, () => server.closeAllConnections())
      await http.close()
      timer.cancel()
      await app.close()
    },
  }
}
