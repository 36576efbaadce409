/** The HTTP service: the routes on their sockets, with and without TLS, and a close that waits for downloads. */
import type { AddressInfo, Server as NetServer } from 'node:net'
import type { Service, Sockets } from '../../host/udp.ts'
import type { ActiveProblem } from '../../text/codes.ts'
import { defined } from '../../text/defined.ts'
import { endpointText } from '../../text/endpoint.ts'
import { createRoutes, type RoutesOptions } from './routes.ts'
import { createTls } from './tls.ts'

export type HttpOptions = RoutesOptions & {
  readonly sockets: Sockets
  readonly onLost: (error: Error) => void
  /** State directory, for a generated CA. */
  readonly stateDirectory?: string | undefined
}

export type HttpService = Service & {
  /** Reads the certificate of HTTPS again. */
  readonly apply: () => Promise<void>
  /** Returns the problems of the lane for images and of the certificate. */
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
  const { address, address6, port, tls: plan } = options.plan()
  const tls = plan && (await createTls({ ...options, plan, directory: options.stateDirectory }))
  const { app, http, lane } = await createRoutes({ ...options, authority: () => tls?.material().authority })
  const { server } = http
  const listeners: NetServer[] = [server]
  try {
    await sockets.tcp('http', server, { address, port, backlog })
    if (address6 !== undefined) {
      const second = http.addListener()
      await sockets.tcp('http6', second, { address: address6, port, backlog })
      listeners.push(second)
    }
    if (plan !== undefined && tls !== undefined) {
      const addresses = { https: address, ...defined({ https6: address6 }) }
      for (const [name, each] of Object.entries(addresses)) {
        const listener = http.addTlsListener(tls.material())
        tls.attach(listener)
        await sockets.tcp(name, listener.server, { address: each, port: plan.port, backlog })
        listeners.push(listener.server)
      }
    }
  } catch (error) {
    tls?.close()
    await http.close()
    throw error
  }
  for (const each of listeners) each.on('error', onLost)
  return {
    name: 'http',
    problems: () => [...lane.problems(), ...(tls?.problems() ?? [])],
    apply: async () => tls?.apply(),
    listening: listeners.map((each) => `tcp ${endpointText(each.address() as AddressInfo)}`),
    async close(graceMs) {
      tls?.close()
      const timer = clock.after(graceMs, () => server.closeAllConnections())
      await http.close()
      timer.cancel()
      await app.close()
    },
  }
}
