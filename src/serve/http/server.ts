/**
 * The HTTP server under the routes: limits of connections per client, limits of time for slow clients, malformed
 * requests, and a close that waits for responses in flight (RFC 9112).
 */
import type { RequestListener, Server } from 'node:http'
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { fastify, type FastifyInstance } from 'fastify'
import { createConnectionTable, type Admission, type ConnectionLimits } from '../../host/connection-limits.ts'
import { createServer, withoutSchemas } from '../../host/http.ts'
import type { HttpPlan } from '../../plan/http/plan.ts'
import type { HttpCode } from './codes.ts'
import { connectionEvents, type ConnectionEvents } from './connection-events.ts'
import { sentByLane } from './image-lane.ts'
import { CustomaryResponse, badRequest, connectRefused, refuse } from './response.ts'
import { clientOf, isLocal, peerAddress, type Tools } from './request-context.ts'
import { createTlsListener, type TlsListener, type TlsListenerOptions } from './tls-listener.ts'

export type Limits = {
  readonly headerOctets: number
  /** Time for the whole header of a request; a connection without a request is closed as well. */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly checkIntervalMs: number
  /** Time between two requests on one connection. */
  readonly keepAliveMs: number
  /** A client must read `minBytesPerSecond` of a response on average over this time. */
  readonly stalledMs: number
  readonly minBytesPerSecond: number
  readonly connections: ConnectionLimits
}

const defaultLimits: Limits = {
  headerOctets: 8192,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  checkIntervalMs: 2_000,
  // iPXE keeps a connection for 10 s to fetch script, kernel, and initramfs over it. The client should close first.
  keepAliveMs: 15_000,
  // The kernel accepts data in steps of its send buffer, so shorter times would disconnect clients on slow links.
  stalledMs: 120_000,
  minBytesPerSecond: 1024,
  // A node needs four connections at most; a proxy in front of many machines needs more.
  connections: { total: 4096, reserve: 1024, perKnownClient: 256, perUnknownClient: 64 },
}

export type HttpServerOptions = {
  /** Whether a client is a declared node or this machine: it has a reserve of connections. */
  readonly isKnown: (address: string) => boolean
  readonly events: ConnectionEvents
  readonly limits?: Limits
}

export type HttpServer = {
  readonly server: Server
  /** Returns another listener of the same server: one for each address. */
  readonly addListener: () => NetServer
  /** Returns a listener for connections with TLS. */
  readonly addTlsListener: (material: TlsListenerOptions['material']) => TlsListener
  /**
   * Ends a connection after the responses in flight.
   *
   * @param text follows them
   * @returns `again` if it was called before for this connection; `idle` if no response is in flight: the caller ends it
   */
  readonly endAfterResponses: (socket: Duplex, text: string) => 'ending' | 'idle' | 'again'
  /** Stops listening, and resolves when the last connection is closed: after the responses in flight. */
  readonly close: () => Promise<void>
}

/** A connection of the server. */
type Client = {
  readonly socket: Socket
  readonly address: string
  readonly admission: Admission
  /** Responses that are not yet handed to the system. */
  inFlight: number
  /** What follows the responses in flight, after octets that are not a request; then the connection ends. */
  ending: string | undefined
  /** The bytes handed to the system and the time at the last check that found enough progress. */
  progress: { bytes: number; at: number } | undefined
}

/** Requests of unknown clients that are answered in one turn of the event loop: DNS and DHCP wait for that time. */
const requestsPerTurn = 8

/** Runs the first tasks at once, and the others in later turns of the event loop. */
function createTurns(perTurn: number): (task: () => void) => void {
  const waiting: (() => void)[] = []
  const next = () => {
    for (const task of waiting.splice(0, perTurn)) task()
    if (waiting.length > 0) setImmediate(next)
  }
  return (task) => {
    if (waiting.push(task) === 1) setImmediate(next)
  }
}

export function createHttpServer(
  answer: RequestListener,
  { isKnown, events, limits = defaultLimits }: HttpServerOptions,
): HttpServer {
  const server = createServer({
    maxHeaderSize: limits.headerOctets,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveMs,
    noDelay: true,
    ServerResponse: CustomaryResponse,
    // Node's own error has no length and no text; the routes send a complete one.
    requireHostHeader: false,
  })
  // RFC 9112 §9.6: a client that has closed its sending side still reads.
  Object.assign(server, { httpAllowHalfOpen: true }) // not in the types of Node
  const inTurns = createTurns(requestsPerTurn)
  server.on('request', (request, response) => {
    if (isKnown(peerAddress(request.socket))) answer(request, response)
    else inTurns(() => answer(request, response))
  })
  server.timeout = limits.stalledMs
  // No "100 Continue": a request with a body is refused before the body is sent.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))
  // Another expectation gets 417 from the routes.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))

  const clients = new Map<Duplex, Client>()
  const table = createConnectionTable({ limits: limits.connections, isKnown, onReplaced: events.onReplaced })
  let isClosing = false

  // Connections are admitted before Node's HTTP parser gets them.
  const [accept] = server.listeners('connection') as [(socket: Socket) => void]
  server.removeAllListeners('connection')
  const admit = (socket: Socket, isBusy: () => boolean): Admission | undefined => {
    const address = peerAddress(socket)
    const admission = table.admit(address, { isBusy, close: () => socket.destroy() })
    if (typeof admission !== 'string') return admission
    events.onRefused(admission, address)
    return undefined
  }
  server.on('connection', (socket: Socket) => {
    const address = peerAddress(socket)
    const admission = admit(socket, () => (clients.get(socket)?.inFlight ?? 0) > 0)
    if (admission === undefined) {
      socket.destroy()
      return
    }
    clients.set(socket, { socket, address, admission, inFlight: 0, ending: undefined, progress: undefined })
    socket.once('close', () => {
      clients.delete(socket)
      admission.leave()
    })
    accept.call(server, socket)
  })
  server.prependListener('request', ({ socket }, response) => {
    if (isClosing) response.setHeader('connection', 'close')
    const client = clients.get(socket)
    if (client === undefined) return
    client.inFlight++
    client.admission.touch()
    response.once('close', () => {
      if (socket.destroyed) return
      client.inFlight--
      client.admission.touch()
      if (client.inFlight > 0) return
      if (client.ending !== undefined && socket.writable) socket.write(client.ending)
      if (isClosing || client.ending !== undefined) socket.destroySoon()
    })
  })
  // Node treats a connection as idle when the last byte of its response is queued, and would cut the response.
  server.closeIdleConnections = () => {
    for (const { socket, inFlight } of clients.values()) if (inFlight === 0) socket.destroy()
  }

  const checks = setInterval(() => {
    const now = performance.now()
    for (const client of clients.values()) {
      if (!isStalled(client, now, limits)) continue
      events.onStalled(client.address)
      client.socket.destroy()
    }
  }, limits.checkIntervalMs)
  checks.unref()
  server.once('close', () => clearInterval(checks))

  const others: NetServer[] = []
  const encrypted: TlsListener[] = []

  return {
    server,
    addListener() {
      const other = createNetServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
        server.emit('connection', socket),
      )
      others.push(other)
      return other
    },
    addTlsListener(material) {
      const listener = createTlsListener({
        material,
        handshakeTimeoutMs: limits.headersTimeoutMs,
        admit: (socket) => admit(socket, () => false),
        onConnection: (socket) => server.emit('connection', socket),
        onHandshakeFailed: events.onHandshakeFailed,
      })
      encrypted.push(listener)
      others.push(listener.server)
      return listener
    },
    endAfterResponses(socket, text) {
      const client = clients.get(socket)
      if (client === undefined) return 'idle'
      if (client.ending !== undefined) return 'again'
      client.ending = text
      return client.inFlight > 0 ? 'ending' : 'idle'
    },
    async close() {
      isClosing = true
      for (const each of encrypted) each.closeHandshakes()
      const all = [server, ...others.filter((other) => other.listening)]
      await Promise.all(all.map((each) => new Promise((resolve) => each.close(resolve))))
    },
  }
}

/** Whether a client read less of its responses than the minimum, while there was something to read. */
function isStalled(client: Client, now: number, { stalledMs, minBytesPerSecond }: Limits): boolean {
  const { socket, inFlight, progress } = client
  const byLane = sentByLane(socket)
  if (inFlight === 0 || (byLane === undefined && socket.writableLength === 0)) {
    client.progress = undefined
    return false
  }
  const bytes = socket.bytesWritten - socket.writableLength + (byLane ?? 0)
  if (progress === undefined || bytes - progress.bytes >= (minBytesPerSecond * stalledMs) / 1000) {
    client.progress = { bytes, at: now }
    return false
  }
  return now - progress.at >= stalledMs
}

export type AppOptions = Pick<Tools, 'log' | 'counters' | 'clock'> & {
  readonly plan: () => HttpPlan
  /** Limits of the server, for tests. */
  readonly limits?: Limits
}

/** The app on a server that does not listen yet. */
export type HttpApp = { readonly app: FastifyInstance; readonly http: HttpServer }

export function createApp(options: AppOptions): HttpApp {
  const { plan, log, counters, limits } = options
  const isKnown = (address: string) => isLocal(address, plan()) || plan().nodeByAddress.has(address)
  const server = { isKnown, events: connectionEvents(options), ...(limits && { limits }) }
  let http: HttpServer | undefined
  const app = fastify({
    ...withoutSchemas,
    serverFactory(answer) {
      http = createHttpServer(answer, server)
      http.server.on('connect', (_request, socket) => {
        counters.increment('http.methodsRefused')
        counters.refuse('http.method-not-allowed' satisfies HttpCode)
        socket.end(connectRefused(), () => socket.destroy())
      })
      return http.server
    },
    clientErrorHandler(error, socket) {
      const bad = badRequest(error.code)
      if (bad !== undefined) {
        const { counter, code, response } = bad
        // The requests before it are answered (RFC 9112 §9.3.2).
        const state = http?.endAfterResponses(socket, response)
        if (state === 'again') return
        counters.increment(counter)
        counters.refuse(code)
        log.debug({ client: clientOf(socket, plan()).client, code, reason: error.message }, 'bad request')
        if (state === 'ending') return
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
