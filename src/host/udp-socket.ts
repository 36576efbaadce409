/**
 * Node's UDP socket as a {@link UdpPort}. Addresses are literals and are never looked up, so a
 * datagram leaves before `send` returns.
 */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { UdpOptions, UdpPort } from './udp.ts'

type SocketSettings = Pick<UdpOptions, 'broadcast' | 'onLost'>

// Room for a rack that boots at once. The kernel grants net.core.rmem_max when that is less. Sockets from
// systemd keep what ReceiveBuffer= gave them, which is not bound by it.
const receiveBufferOctets = 1024 * 1024

/** @throws {NodeJS.ErrnoException} the system's error */
export async function bindUdpSocket(options: UdpOptions): Promise<UdpPort> {
  const socket = newSocket(isIPv6(options.address) ? 'udp6' : 'udp4', {
    reuseAddr: options.reuseAddress === true,
    recvBufferSize: receiveBufferOctets,
  })
  await started(socket, () => socket.bind({ address: options.address, port: options.port }))
  return udpPort(socket, options)
}

/**
 * Takes over an open descriptor.
 *
 * @returns `not-udp`, with the descriptor untouched; `ipv6`, with the descriptor closed
 */
export async function adoptUdpSocket(
  fd: number,
  options: SocketSettings,
): Promise<UdpPort | 'not-udp' | 'ipv6'> {
  const socket = newSocket('udp4')
  try {
    await started(socket, () => socket.bind({ fd }))
  } catch {
    return 'not-udp'
  }
  // Only an open socket tells its family; Node would then send IPv4 addresses through an IPv6 socket, in vain.
  if (socket.address().family !== 'IPv4') {
    socket.close()
    return 'ipv6'
  }
  return udpPort(socket, options)
}

function newSocket(type: 'udp4' | 'udp6', options: Omit<SocketOptions, 'type'> = {}): Socket {
  return createSocket({
    ...options,
    type,
    // bind and send ask this. An answer at once keeps them synchronous: dns.lookup defers even literals.
    lookup: (address, _options, done) => done(null, address, type === 'udp6' ? 6 : 4),
  })
}

/** Resolves when `bind` has made the socket listen; rejects, with the socket closed, when it could not. */
async function started(socket: Socket, bind: () => void): Promise<void> {
  const listening = once(socket, 'listening')
  try {
    bind()
    await listening
  } catch (error) {
    socket.close()
    throw error
  }
}

/** @param socket bound already */
export function udpPort(socket: Socket, options: SocketSettings): UdpPort {
  if (options.broadcast === true) socket.setBroadcast(true)
  const { address, port } = socket.address()
  let closed: Promise<void> | undefined
  const close = () => (closed ??= new Promise((resolve) => void socket.close(resolve)))
  let isLost = false
  // Linux gives a peer's ICMP errors to connected sockets only (udp(7)): an error here is the socket's own.
  socket.on('error', (error) => {
    if (isLost) return
    isLost = true
    void close()
    options.onLost?.(error)
  })
  return {
    local: { address, port },
    receive(handler) {
      socket.removeAllListeners('message')
      socket.on('message', (payload, peer) => handler([{ payload, address: peer.address, port: peer.port }]))
    },
    send(payload, peerAddress, peerPort, failed) {
      // A callback is a turn of Node's task queue, also for what has left already.
      const done = failed && ((error: Error | null) => (error === null ? undefined : failed(error)))
      try {
        // Copied, because the system may take the octets later: when its send buffer is full.
        socket.send(Buffer.from(payload), peerPort, peerAddress, done)
      } catch (error) {
        // Port 0, from which a datagram may claim to come, or a closed socket.
        failed?.(error as Error)
      }
    },
    close,
  }
}
