/**
 * DNS over TCP (RFC 7766): many queries on a connection, answered as they become ready. A client that
 * sends slowly, does not read or comes too often costs a bounded amount of memory and ten seconds.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import { createFrameReader, frame } from '../../proto/dns/frame.ts'

/**
 * @returns the reply, at once (valid until the next query) or later, or several messages that are one
 * (RFC 5936 §2.2); nothing to end the connection
 */
export type StreamHandler = (
  query: Uint8Array,
  address: string,
  port: number,
) => Uint8Array | Generator<Uint8Array> | Promise<Uint8Array> | undefined

export type TcpOptions = {
  readonly handle: StreamHandler
  readonly clock: Clock
  readonly counters: Counters
}

export type TcpService = {
  /** To be made listening by the caller. */
  readonly server: Server
  /** Lets answers under way be written, then closes all connections, after `graceMs` at the latest. */
  close(graceMs: number): Promise<void>
}

type Connection = { readonly address: string; finish(): void; destroy(): void }

const limits = {
  /** Whole racks come by UDP; this many by TCP at once are an exception or an attack. */
  connections: 256,
  perClient: 32,
  /** Between whole queries (RFC 7766 §6.2.3: seconds), however many octets trickle in. */
  idleMs: 10_000,
  /** Queries of one connection that wait for resolvers; more are left unread until some are answered. */
  waiting: 64,
  /** Answers that a client does not read: first its queries are left unread, then it is cut off. */
  pauseOctets: 65_536,
  unreadOctets: 4 * 1024 * 1024,
}

export function createTcpService(options: TcpOptions): TcpService {
  const { counters, clock } = options
  const connections = new Set<Connection>()

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // An adopted socket may be one of both families (RFC 4291 §2.5.5.2); no address when the client has gone again.
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const ofClient = [...connections].filter((connection) => connection.address === address).length
    if (connections.size >= limits.connections || ofClient >= limits.perClient) {
      counters.increment('dns.tcpRefused')
      socket.destroy()
      return
    }
    counters.increment('dns.tcpConnections')
    const connection = serveConnection(socket, address, options)
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  })

  return {
    server,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => void server.close(() => resolve()))
      for (const connection of connections) connection.finish()
      const timer = clock.after(graceMs, () => {
        for (const connection of connections) connection.destroy()
      })
      await closed
      timer.cancel()
    },
  }
}

function serveConnection(
  socket: Socket,
  address: string,
  { handle, clock, counters }: TcpOptions,
): Connection {
  const port = socket.remotePort ?? 0
  const frames = createFrameReader()
  let waiting = 0
  let isFinishing = false
  const expire = () => {
    counters.increment('dns.tcpIdle')
    socket.destroy()
  }
  let idle = clock.after(limits.idleMs, expire)

  function restartIdle(): void {
    idle.cancel()
    idle = clock.after(limits.idleMs, expire)
  }

  function take(query: Uint8Array): void {
    restartIdle()
    const reply = handle(query, address, port)
    if (reply === undefined) socket.destroy()
    else if (reply instanceof Uint8Array) write(reply)
    else if (!(reply instanceof Promise)) writeAll(reply)
    else {
      waiting++
      void reply.then((octets) => {
        waiting--
        write(octets)
        settle()
      })
    }
  }

  function write(reply: Uint8Array): void {
    if (socket.destroyed) return
    socket.write(frame(reply))
    if (socket.writableLength <= limits.unreadOctets) return
    counters.increment('dns.tcpUnread')
    socket.destroy()
  }

  /** One message a turn, and none while the client does not read: others are answered in between. */
  function writeAll(messages: Generator<Uint8Array>): void {
    waiting++
    const step = (): void => {
      const next = messages.next()
      if (socket.destroyed || next.done === true) {
        waiting--
        settle()
        return
      }
      write(next.value)
      restartIdle()
      if (socket.writableLength > limits.pauseOctets) socket.once('drain', step)
      else setImmediate(step)
    }
    step()
  }

  /** Reads on, waits, or says goodbye, whichever is due. */
  function settle(): void {
    if (isFinishing) {
      if (waiting === 0) socket.destroySoon()
    } else if (waiting >= limits.waiting || socket.writableLength > limits.pauseOctets) socket.pause()
    else socket.resume()
  }

  socket.on('data', (chunk) => {
    for (const query of frames.push(chunk)) {
      if (socket.destroyed) return
      take(query)
    }
    settle()
  })
  socket.on('drain', settle)
  // The client has said all it wants to; what it asked is still answered (RFC 7766 §6.2.4).
  socket.on('end', () => {
    isFinishing = true
    settle()
  })
  socket.on('error', () => counters.increment('dns.tcpErrors')) // reset by the client; 'close' follows
  socket.on('close', () => idle.cancel())

  return {
    address,
    finish() {
      isFinishing = true
      socket.pause()
      settle()
    },
    destroy() {
      idle.cancel()
      socket.destroy()
    },
  }
}
