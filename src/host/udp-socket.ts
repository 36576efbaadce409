/**
 * Node's UDP socket as a {@link UdpPort}. Addresses are literals and are never looked up, so a datagram leaves before
 * `send` returns. Datagrams that the guard refuses are dropped and reported.
 */
import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { Sending } from './send-guard.ts'
import type { UdpOptions, UdpPort } from './udp.ts'

type SocketSettings = Pick<UdpOptions, 'broadcast' | 'onLost'>

// Large enough for many nodes that boot together. The kernel grants at most net.core.rmem_max and wmem_max. Sockets
// from systemd keep the sizes of ReceiveBuffer= and SendBuffer=, which these limits do not bound.
const bufferOctets = 1024 * 1024

/** @throws {NodeJS.ErrnoException} the system's error */
export async function bindUdpSocket(options: UdpOptions, sending?: Sending): Promise<UdpPort> {
  const socket = newSocket(isIPv6(options.address) ? 'udp6' : 'udp4', {
    reuseAddr: options.reuseAddress === true,
    recvBufferSize: bufferOctets,
    sendBufferSize: bufferOctets,
  })
  await started(socket, () => socket.bind({ address: options.address, port: options.port }))
  return udpPort(socket, options, sending)
}

/**
 * Uses an open descriptor.
 *
 * @returns `not-udp`, with the descriptor still open; `ipv6`, with the descriptor closed
 */
export async function adoptUdpSocket(
  fd: number,
  options: SocketSettings,
  sending?: Sending,
): Promise<UdpPort | 'not-udp' | 'ipv6'> {
  const socket = newSocket('udp4')
  try {
    await started(socket, () => socket.bind({ fd }))
  } catch {
    return 'not-udp'
  }
  // The family is known only after opening. Node would send IPv4 addresses through an IPv6 socket, which fails.
  if (socket.address().family !== 'IPv4') {
    socket.close()
    return 'ipv6'
  }
  return udpPort(socket, options, sending)
}

function newSocket(type: 'udp4' | 'udp6', options: Omit<SocketOptions, 'type'> = {}): Socket {
  return createSocket({
    ...options,
    type,
    // bind and send call this. An immediate answer keeps them synchronous: dns.lookup defers even literals.
    lookup: (address, _options, done) => done(null, address, type === 'udp6' ? 6 : 4),
  })
}

/** Resolves when `bind` has made the socket listen; rejects, with the socket closed, when it failed. */
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

/** @param socket already bound */
export function udpPort(socket: Socket, options: SocketSettings, sending?: Sending): UdpPort {
  if (options.broadcast === true) socket.setBroadcast(true)
  const { address, port } = socket.address()
  const guard = sending?.guard(socket.getSendBufferSize())
  let closed: Promise<void> | undefined
  const close = () => (closed ??= new Promise((resolve) => void socket.close(resolve)))
  let isLost = false
  // Linux reports a peer's ICMP errors only to connected sockets (udp(7)): an error here is the socket's own.
  socket.on('error', (error) => {
    if (isLost) return
    isLost = true
    void close()
    options.onLost?.(error)
  })

  /** Sends a datagram behind others, and counts it until it has left. */
  function sendQueued(
    payload: Uint8Array,
    address: string,
    port: number,
    done?: (error: Error | null) => void,
  ) {
    socket.send(payload, port, address, (error) => {
      guard?.sent(address)
      done?.(error)
    })
  }

  return {
    local: { address, port },
    receive(handler) {
      socket.removeAllListeners('message')
      socket.on('message', (payload, peer) => handler([{ payload, address: peer.address, port: peer.port }]))
    },
    send(payload, peerAddress, peerPort, failed) {
      // A callback costs a turn of Node's task queue, even for a datagram that has left already.
      const done = failed && ((error: Error | null) => (error === null ? undefined : failed(error)))
      try {
        const queued = guard === undefined ? 0 : socket.getSendQueueCount()
        const refusal = guard?.refusal(peerAddress, payload.length, queued)
        if (refusal !== undefined) {
          sending?.dropped(refusal)
          return
        }
        // Copied, because the system can read the payload later: when its send buffer is full.
        const copy = Buffer.from(payload)
        if (queued > 0) sendQueued(copy, peerAddress, peerPort, done)
        else socket.send(copy, peerPort, peerAddress, done)
      } catch (error) {
        // A closed socket, or port 0, which a forged datagram can have.
        failed?.(error as Error)
      }
    },
    close,
  }
}
