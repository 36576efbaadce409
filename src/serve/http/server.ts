/**
 * The HTTP server under the routes: limits for slow and hostile peers, and a close that waits for responses in flight
 * (RFC 9112).
 */
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createNetServer, type Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

export type Limits = {
  readonly headerOctets: number
  /** Time for the whole header of a request; a connection without a request is closed as well. */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly checkIntervalMs: number
  /** Time between two requests on one connection. */
  readonly keepAliveMs: number
  /** Time in which a client must read something of a response. */
  readonly stalledMs: number
  readonly connections: number
}

const defaultLimits: Limits = {
  headerOctets: 8192,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  checkIntervalMs: 2_000,
  // iPXE keeps a connection for 10 s to fetch script, kernel, and initramfs over it. The client should close first.
  keepAliveMs: 15_000,
  stalledMs: 120_000,
  connections: 4096,
}

export type HttpServer = {
  readonly server: Server
  /** Returns another listener of the same server: one for each address. */
  readonly addListener: () => NetServer
  /** Stops listening, and resolves when the last connection is closed: after the responses in flight. */
  readonly close: () => Promise<void>
}

export function createHttpServer(answer: RequestListener, limits: Limits = defaultLimits): HttpServer {
  const server = createServer(
    {
      maxHeaderSize: limits.headerOctets,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      keepAliveTimeout: limits.keepAliveMs,
      noDelay: true,
    },
    answer,
  )
  server.maxConnections = limits.connections
  server.timeout = limits.stalledMs
  // No "100 Continue": a request with a body is refused before the body is sent.
  server.on('checkContinue', (request, response) => server.emit('request', request, response))

  /** Responses that are not yet handed to the system, by connection. */
  const inFlight = new Map<Duplex, number>()
  let isClosing = false
  server.on('connection', (socket: Socket) => {
    inFlight.set(socket, 0)
    socket.once('close', () => inFlight.delete(socket))
  })
  server.prependListener('request', ({ socket }, response) => {
    if (isClosing) response.setHeader('connection', 'close')
    inFlight.set(socket, (inFlight.get(socket) as number) + 1)
    response.once('close', () => {
      if (socket.destroyed) return
      const left = (inFlight.get(socket) as number) - 1
      inFlight.set(socket, left)
      if (isClosing && left === 0) socket.destroySoon()
    })
  })
  // Node treats a connection as idle when the last byte of its response is queued, and would cut the response.
  server.closeIdleConnections = () => {
    for (const [socket, responses] of inFlight) if (responses === 0) socket.destroy()
  }

  const others: NetServer[] = []

  return {
    server,
    addListener() {
      const other = createNetServer({ noDelay: true }, (socket) => server.emit('connection', socket))
      other.maxConnections = limits.connections
      others.push(other)
      return other
    },
    async close() {
      isClosing = true
      const all = [server, ...others.filter((other) => other.listening)]
      await Promise.all(all.map((each) => new Promise((resolve) => each.close(resolve))))
    },
  }
}
