/** The Fastify instance on the HTTP server: malformed requests, and connections that the server refuses or closes. */
import { fastify, type FastifyInstance } from 'fastify'
import { createEventLimiter } from '../../host/connection-limits.ts'
import type { HttpPlan } from '../../plan/http/plan.ts'
import type { HttpCode } from './codes.ts'
import { badRequest, refuse } from './error-response.ts'
import { clientOf, isLocal, type Tools } from './request-context.ts'
import { createHttpServer, type ConnectionEvents, type HttpServer, type Limits } from './server.ts'

export type AppOptions = Pick<Tools, 'log' | 'counters' | 'clock'> & {
  readonly plan: () => HttpPlan
  /** Limits of the server, for tests. */
  readonly limits?: Limits
}

/** The app on a server that does not listen yet. */
export type HttpApp = { readonly app: FastifyInstance; readonly http: HttpServer }

/** Counts and logs connections that the server refuses or closes. */
function connectionEvents({ log, counters, clock }: AppOptions): ConnectionEvents {
  const limit = createEventLimiter(clock)
  return {
    onRefused(reason, address) {
      const code: HttpCode = reason === 'client-limit' ? 'http.client-limit' : 'http.connection-limit'
      counters.increment('http.connectionsRefused')
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, count }, 'connection refused'))
    },
    onReplaced(address) {
      counters.increment('http.connectionsReplaced')
      limit('replaced', (count) =>
        log.warn({ client: address, count }, 'idle connection closed for a new one'),
      )
    },
    onStalled(address) {
      const code: HttpCode = 'http.reader-too-slow'
      counters.increment('http.stalled')
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, count }, 'slow reader disconnected'))
    },
  }
}

export function createApp(options: AppOptions): HttpApp {
  const { plan, log, counters, limits } = options
  const isKnown = (address: string) => isLocal(address, plan()) || plan().nodeByAddress.has(address)
  const server = { isKnown, events: connectionEvents(options), ...(limits && { limits }) }
  let http: HttpServer | undefined
  const app = fastify({
    serverFactory: (answer) => (http = createHttpServer(answer, server)).server,
    clientErrorHandler(error, socket) {
      const bad = badRequest(error.code)
      if (bad !== undefined) {
        const { counter, code, response } = bad
        counters.increment(counter)
        counters.refuse(code)
        log.debug({ client: clientOf(socket, plan()).client, code, reason: error.message }, 'bad request')
        // After the start of a response, the error text would become part of a download.
        if (socket.writable && socket.bytesWritten === 0) socket.write(response)
      }
      socket.destroySoon()
    },
    frameworkErrors(error, _request, reply) {
      counters.increment('http.malformed')
      const code: HttpCode = 'http.bad-path'
      counters.refuse(code)
      void refuse(reply, { status: 400, code, sentence: `this is not a valid path: ${error.message}` })
    },
    // Firmware joins paths to `//boot/…`, and a redirect would end a UEFI boot.
    routerOptions: { ignoreDuplicateSlashes: true, maxParamLength: 255 },
    // The service closes connections itself: requests on open connections still get a response.
    return503OnClosing: false,
  })
  return { app, http: http as HttpServer }
}
