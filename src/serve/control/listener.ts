/**
 * The HTTPS server of the API: limits of connections per client, and of time for slow clients. HTTP/1.1 only, and the
 * strict parser of Node.js: it refuses ambiguous lengths, which request smuggling needs (RFC 9112).
 */
import type { RequestListener } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Clock } from '../../host/clock.ts'
import {
  createConnectionTable,
  createEventLimiter,
  type Admission,
  type ConnectionLimits,
  type RefusalReason,
} from '../../host/connection-limits.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { ServerCertificate } from './access/certificate.ts'
import type { ControlCode } from './codes.ts'

export type ListenerOptions = {
  readonly certificate: ServerCertificate
  /** CA certificates of clients (PEM). */
  readonly clientCa: string | undefined
  /** Whether a client is on this machine, or the declared proxy: it has a reserve of connections. */
  readonly isKnown: (address: string) => boolean
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** For tests. */
  readonly limits?: ListenerLimits
}

export type ListenerLimits = {
  readonly connections: ConnectionLimits
  /** TLS handshake, and the whole header of a request. */
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly checkIntervalMs: number
  /** Without any data in either direction; longer than the heartbeat of the events. */
  readonly idleMs: number
}

const defaultLimits: ListenerLimits = {
  connections: { total: 1024, reserve: 256, perKnownClient: 256, perUnknownClient: 64 },
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  checkIntervalMs: 2000,
  idleMs: 60_000,
}

export type Listener = {
  readonly server: Server
  /** Uses another certificate for new connections. */
  readonly setCertificate: (certificate: ServerCertificate) => void
  /** Stops listening and closes all connections. */
  readonly close: () => Promise<void>
}

/** Returns the address of a peer; an IPv6 socket shows IPv4 peers as ::ffff:192.0.2.1. */
export function peerAddress({ remoteAddress = '' }: Pick<Socket, 'remoteAddress'>): string {
  return remoteAddress.replace(/^::ffff:(?=[\d.]+$)/i, '')
}

export function createListener(answer: RequestListener, options: ListenerOptions): Listener {
  const { certificate, clientCa, isKnown, log, counters, clock, limits = defaultLimits } = options
  // Loading node:https takes time, which a start without the API does not need.
  const { createServer } = process.getBuiltinModule('node:https')
  const https = createServer(
    {
      ...contextOf(certificate, clientCa),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      requestCert: clientCa !== undefined,
      // A client without a certificate can use a token.
      rejectUnauthorized: false,
      handshakeTimeout: limits.headersTimeoutMs,
      maxHeaderSize: 16_384,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
      keepAliveTimeout: 15_000,
    },
    answer,
  )
  https.timeout = limits.idleMs
  https.on('tlsClientError', () => counters.increment('api.handshakesFailed'))

  const limit = createEventLimiter(clock)
  const table = createConnectionTable({
    limits: limits.connections,
    isKnown,
    onReplaced: () => counters.increment('api.connectionsReplaced'),
  })
  const open = new Map<string, Connection>()

  function admit(socket: Socket): boolean {
    const address = peerAddress(socket)
    const connection = { socket, inFlight: 0 }
    const admission = table.admit(address, {
      isBusy: () => connection.inFlight > 0,
      close: () => socket.destroy(),
    })
    if (typeof admission === 'string') {
      const code = refusalCodes[admission]
      counters.refuse(code)
      limit(code, (count) => log.warn({ client: address, code, count }, 'connection refused'))
      return false
    }
    const key = keyOf(socket)
    open.set(key, Object.assign(connection, { admission }))
    socket.once('close', () => {
      open.delete(key)
      admission.leave()
    })
    return true
  }

  // Connections are admitted before their TLS handshake.
  const [accept] = https.listeners('connection') as [(socket: Socket) => void]
  https.removeAllListeners('connection')
  https.on('connection', (socket: Socket) => {
    if (admit(socket)) accept.call(https, socket)
    else socket.destroy()
  })
  https.prependListener('request', ({ socket }, response) => {
    const connection = open.get(keyOf(socket))
    if (connection === undefined) return
    connection.inFlight++
    connection.admission.touch()
    response.once('close', () => {
      connection.inFlight--
      connection.admission.touch()
    })
  })

  return {
    server: https,
    setCertificate: (next) => https.setSecureContext(contextOf(next, clientCa)),
    async close() {
      const closed = new Promise((resolve) => https.close(resolve))
      for (const { socket } of open.values()) socket.destroy()
      await closed
    },
  }
}

const refusalCodes: Readonly<Record<RefusalReason, ControlCode>> = {
  'client-limit': 'api.client-limit',
  'connection-limit': 'api.connection-limit',
}

type Connection = { readonly socket: Socket; readonly admission: Admission; inFlight: number }

/** A TLS socket has the address and port of its TCP socket. */
function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`
}

function contextOf({ certificate, key }: ServerCertificate, clientCa: string | undefined) {
  return { cert: certificate, key, ...(clientCa === undefined ? {} : { ca: clientCa }) }
}
