/**
 * Accepts connections with TLS for the HTTP server, which then treats them like all others. A connection is admitted before
 * its handshake, which takes more time than a request. iPXE before 2024 needs an RSA key exchange with CBC, which OpenSSL
 * offers after all others (https://ipxe.org/crypto).
 */
import type { Socket } from 'node:net'
import type { SecureContextOptions, Server, TLSSocket } from 'node:tls'
import type { Admission } from '../../host/connection-limits.ts'
import { peerAddress } from './request-context.ts'
import type { TlsMaterial } from './tls-certificate.ts'

export type TlsListenerOptions = {
  readonly material: Pick<TlsMaterial, 'chain' | 'key'>
  readonly handshakeTimeoutMs: number
  /** @returns nothing for a connection that is refused */
  readonly admit: (socket: Socket) => Admission | undefined
  /** Called after the handshake. */
  readonly onConnection: (socket: TLSSocket) => void
  readonly onHandshakeFailed: (address: string, reason: string) => void
}

export type TlsListener = {
  readonly server: Server
  /** Uses another certificate for new connections. */
  readonly setMaterial: (material: Pick<TlsMaterial, 'chain' | 'key'>) => void
  /** Closes the connections whose handshake is in progress. */
  readonly closeHandshakes: () => void
}

export function createTlsListener(options: TlsListenerOptions): TlsListener {
  const { material, handshakeTimeoutMs, admit, onConnection, onHandshakeFailed } = options
  // Loaded only for a site with server.tls.
  const { createServer } = process.getBuiltinModule('node:tls')
  const server = createServer({
    ...contextOf(material),
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    handshakeTimeout: handshakeTimeoutMs,
    noDelay: true,
  })
  /** A closed socket has no address. */
  const addresses = new WeakMap<object, string>()
  /** By address and port of the client, which the encrypted socket has too. */
  const handshakes = new Map<string, { readonly socket: Socket; readonly admission: Admission }>()

  const [accept] = server.listeners('connection') as [(socket: Socket) => void]
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const admission = admit(socket)
    if (admission === undefined) {
      socket.destroy()
      return
    }
    const key = keyOf(socket)
    addresses.set(socket, peerAddress(socket))
    handshakes.set(key, { socket, admission })
    socket.once('close', () => {
      admission.leave()
      handshakes.delete(key)
    })
    accept.call(server, socket)
  })
  server.on('secureConnection', (socket) => {
    const key = keyOf(socket)
    handshakes.get(key)?.admission.leave()
    handshakes.delete(key)
    onConnection(socket)
  })
  server.on('tlsClientError', (error, socket) => {
    const { _parent: parent = socket } = socket as { _parent?: object }
    onHandshakeFailed(addresses.get(parent) ?? peerAddress(socket), error.message)
    socket.destroy()
  })
  return {
    server,
    setMaterial: (next) => server.setSecureContext(contextOf(next)),
    closeHandshakes() {
      for (const { socket } of handshakes.values()) socket.destroy()
    },
  }
}

function contextOf({ chain, key }: Pick<TlsMaterial, 'chain' | 'key'>): SecureContextOptions {
  return { cert: chain, key }
}

function keyOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`
}
