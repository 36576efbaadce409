/**
 * Opens this machine's sockets: those that systemd passed (sd_listen_fds(3)), or sockets bound here. Only systemd can
 * bind a socket to an interface; Node cannot, and does not report the interface of a datagram.
 */
import { once } from 'node:events'
import { type Server, isIPv6 } from 'node:net'
import { createSocket, type Socket, type SocketOptions } from 'node:dgram'
import { defined } from '../text/defined.ts'
import { cannotAdopt, cannotBind } from './cannot-listen.ts'
import { loadLibc, type Libc } from './lane/libc.ts'
import { bindLaneSocket, kindOf, laneSocket, type LaneSocket } from './lane/socket.ts'
import type { Sending } from './send-guard.ts'
import type { Sockets, UdpOptions, UdpPort } from './udp.ts'

/** Removes the `LISTEN_*` variables from `environment`: call it once, before starting any child process. */
export function createSockets(environment: Record<string, string | undefined>, sending?: Sending): Sockets {
  const passed = takeListenFds(environment, process.pid)
  const passedNames = [...passed.keys()]
  /** Datagram sockets already in use; the other sockets of a name are stream sockets. */
  const datagramFds = new Set<number>()

  async function adoptUdp(name: string, fds: readonly number[], options: UdpOptions): Promise<UdpPort[]> {
    const ports: UdpPort[] = []
    for (const fd of fds) {
      const port = await adoptUdpSocket(fd, options, sending)
      if (port === 'not-udp') continue
      if (port === 'other-family') throw otherFamily(name, options)
      datagramFds.add(fd)
      ports.push(port)
    }
    if (ports.length === 0) throw noDatagramSocket(name)
    return ports
  }

  function adoptForLane(libc: Libc, name: string, fds: readonly number[], options: UdpOptions): LaneSocket[] {
    const kinds = fds.map((fd) => ({ fd, kind: kindOf(libc, fd) })).filter(({ kind }) => kind !== 'not-udp')
    const wanted = isIPv6(options.address) ? 'ipv6' : 'ipv4'
    if (kinds.some(({ kind }) => kind !== wanted)) throw otherFamily(name, options)
    if (kinds.length === 0) throw noDatagramSocket(name)
    for (const { fd } of kinds) datagramFds.add(fd)
    return kinds.map(({ fd }) => laneSocket(libc, fd, options, sending))
  }

  async function adoptTcp(
    name: string,
    fds: readonly number[],
    server: Server,
    backlog?: number,
  ): Promise<void> {
    const [fd, ...more] = fds
    if (fd === undefined || more.length > 0) {
      throw cannotAdopt(name, `expected one stream socket, got ${fds.length}; set one ListenStream=`)
    }
    try {
      await listen(server, { fd, ...defined({ backlog }) })
    } catch (error) {
      throw cannotAdopt(name, `${(error as Error).message}; expected a stream socket (ListenStream=)`)
    }
  }

  return {
    isAdopted: (name) => passed.has(name),

    async udp(name, options) {
      const fds = passed.get(name)
      if (fds !== undefined) return adoptUdp(name, fds, options)
      try {
        return [await bindUdpSocket(options, sending)]
      } catch (error) {
        throw cannotBind({ transport: 'udp', ...options, name, passedNames }, error as Error)
      }
    },

    async lane(name, options) {
      const libc = await loadLibc()
      if ('reason' in libc) return libc
      const fds = passed.get(name)
      if (fds !== undefined) return { libc, sockets: adoptForLane(libc, name, fds, options) }
      try {
        return { libc, sockets: [bindLaneSocket(libc, { ...options, bufferOctets }, sending)] }
      } catch (error) {
        throw cannotBind({ transport: 'udp', ...options, name, passedNames }, error as Error)
      }
    },

    async bindUdp(options) {
      try {
        return await bindUdpSocket(options, sending)
      } catch (error) {
        throw cannotBind({ transport: 'udp', ...options }, error as Error)
      }
    },

    async tcp(name, server, { address, port, backlog }) {
      const fds = passed.get(name)?.filter((fd) => !datagramFds.has(fd))
      if (fds !== undefined) return adoptTcp(name, fds, server, backlog)
      try {
        await listen(server, { host: address, port, ...defined({ backlog }) })
      } catch (error) {
        throw cannotBind({ transport: 'tcp', address, port, name, passedNames }, error as Error)
      }
    },
  }
}

function otherFamily(name: string, { address, port }: UdpOptions): Error {
  const expected = isIPv6(address)
    ? `IPv6 sockets; set ListenDatagram=[::]`
    : 'IPv4 sockets; set ListenDatagram=0.0.0.0'
  return cannotAdopt(name, `expected ${expected}:${port}`)
}

function noDatagramSocket(name: string): Error {
  return cannotAdopt(name, 'none is a datagram socket; add ListenDatagram=')
}

async function listen(
  server: Server,
  options: { backlog?: number } & ({ host: string; port: number } | { fd: number }),
): Promise<void> {
  server.listen(options)
  await once(server, 'listening')
}

type Environment = Record<string, string | undefined>

const firstDescriptor = 3

/**
 * Returns the descriptors that systemd passed by FileDescriptorName, in the order of the socket units
 * (sd_listen_fds(3)). Removes the variables from `environment`, so that child processes do not use them.
 *
 * @returns an empty map when the descriptors are for another process (`LISTEN_PID`)
 */
export function takeListenFds(environment: Environment, pid: number): ReadonlyMap<string, readonly number[]> {
  const isForUs = Number(environment['LISTEN_PID']) === pid
  const count = isForUs ? Number(environment['LISTEN_FDS']) : 0
  const names = (environment['LISTEN_FDNAMES'] ?? '').split(':')
  for (const variable of ['LISTEN_PID', 'LISTEN_PIDFDID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) {
    Reflect.deleteProperty(environment, variable)
  }
  const descriptorsByName = new Map<string, number[]>()
  for (let index = 0; index < count; index++) {
    // sd_listen_fds_with_names(3) calls a descriptor without a name "unknown".
    const name = names[index] || 'unknown'
    descriptorsByName.set(name, [...(descriptorsByName.get(name) ?? []), firstDescriptor + index])
  }
  return descriptorsByName
}

// Node's UDP socket as a UdpPort. Addresses are literals and are never looked up, so a datagram leaves before `send`
// returns. Datagrams that the guard refuses are dropped and reported.

type SocketSettings = Pick<UdpOptions, 'broadcast' | 'onLost'>

// Large enough for many nodes that boot together. The kernel grants at most net.core.rmem_max and wmem_max. Sockets
// from systemd keep the sizes of ReceiveBuffer= and SendBuffer=, which these limits do not bound.
const bufferOctets = 1024 * 1024

/** @throws {NodeJS.ErrnoException} the system's error */
async function bindUdpSocket(options: UdpOptions, sending?: Sending): Promise<UdpPort> {
  const socket = newSocket(isIPv6(options.address) ? 'udp6' : 'udp4', {
    ipv6Only: options.address === '::',
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
 * @returns `not-udp`, with the descriptor still open; `other-family`, with the descriptor closed
 */
async function adoptUdpSocket(
  fd: number,
  options: UdpOptions,
  sending?: Sending,
): Promise<UdpPort | 'not-udp' | 'other-family'> {
  const family = isIPv6(options.address) ? 'IPv6' : 'IPv4'
  const socket = newSocket(family === 'IPv6' ? 'udp6' : 'udp4')
  try {
    await started(socket, () => socket.bind({ fd }))
  } catch {
    return 'not-udp'
  }
  // The family is known only after opening. Node would send IPv4 addresses through an IPv6 socket, which fails.
  if (socket.address().family !== family) {
    socket.close()
    return 'other-family'
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
  let onRefused: (() => void) | undefined
  let transmit: Transmit = (payload, toPort, toAddress, done) => socket.send(payload, toPort, toAddress, done)
  // Linux reports a peer's ICMP errors only to connected sockets (udp(7)): any other error is the socket's own.
  socket.on('error', (error) => {
    if (onRefused !== undefined && isRefusal(error)) {
      onRefused()
      return
    }
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
    transmit(payload, port, address, (error) => {
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
          sending?.dropped(refusal, peerAddress)
          return
        }
        // Copied, because the system can read the payload later: when its send buffer is full.
        const copy = Buffer.from(payload)
        if (queued > 0) sendQueued(copy, peerAddress, peerPort, done)
        else transmit(copy, peerPort, peerAddress, done)
      } catch (error) {
        // A closed socket, or port 0, which a forged datagram can have.
        failed?.(error as Error)
      }
    },
    connect(peerAddress, peerPort, refused) {
      // Without a route, the socket stays unconnected.
      socket.connect(peerPort, peerAddress, () => {})
      if (!isConnected(socket)) return
      onRefused = refused
      // The kernel reports a refusal to the next system call, which can be one that sends.
      transmit = (payload, _port, _address, done) =>
        socket.send(payload, (error) => {
          if (error !== null && isRefusal(error)) refused()
          done?.(error)
        })
    },
    join(group, interfaceName) {
      try {
        socket.addMembership(group, `::%${interfaceName}`)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    },
    close,
  }
}

/** Sends a datagram with the socket, connected or not. */
type Transmit = (
  payload: Uint8Array,
  port: number,
  address: string,
  done?: (error: Error | null) => void,
) => void

const isRefusal = (error: NodeJS.ErrnoException): boolean => error.code === 'ECONNREFUSED'

function isConnected(socket: Socket): boolean {
  try {
    return socket.remoteAddress().port > 0
  } catch {
    return false
  }
}
