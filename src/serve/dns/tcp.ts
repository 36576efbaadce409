/**
 * DNS over TCP (RFC 7766): many queries on one connection, answered in the order in which replies become available.
 * A client that sends slowly, does not read, or opens many connections uses a bounded amount of memory and time.
 */
import { createServer, type Server, type Socket } from 'node:net'
import type { Clock } from '../../host/clock.ts'
import { createConnectionTable, createEventLimiter, type Admission } from '../../host/connection-limits.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { createFrameReader, frame } from '../../proto/dns/message.ts'
import type { DnsCode } from './codes.ts'

/**
 * @returns the reply, at once (valid until the next query) or later, or a sequence of messages (RFC 5936 §2.2);
 *   nothing to close the connection
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
  readonly log: Log
  /** Whether a client is a declared node, a secondary, or this machine: it has a reserve of connections. */
  readonly isKnown: (address: string) => boolean
}

export type TcpService = {
  /** The caller makes it listen. */
  readonly server: Server
  /** Waits until pending replies are written, then closes all connections, after `graceMs` at the latest. */
  close(graceMs: number): Promise<void>
}

type Connection = { isBusy(): boolean; finish(): void; destroy(): void }

const limits = {
  /** Clients use UDP first; this many TCP connections at once are an exception or an attack. */
  connections: { total: 256, reserve: 64, perKnownClient: 32, perUnknownClient: 32 },
  /** Time between two whole queries (RFC 7766 §6.2.3: seconds). */
  idleMs: 10_000,
  /** Queries of one connection that wait for resolvers; further ones stay in the socket. */
  waiting: 64,
  /** Replies that a client does not read: the server stops reading its queries, then closes the connection. */
  pauseOctets: 65_536,
  unreadOctets: 4 * 1024 * 1024,
}

export function createTcpService(options: TcpOptions): TcpService {
  const { counters, clock, log, isKnown } = options
  const connections = new Set<Connection>()
  const limit = createEventLimiter(clock)
  const table = createConnectionTable({
    limits: limits.connections,
    isKnown,
    onReplaced(address) {
      counters.increment('dns.tcpReplaced')
      limit('replaced', (count) =>
        log.warn({ client: address, count }, 'idle connection closed for a new one'),
      )
    },
  })

  function refuse(socket: Socket, address: string): void {
    counters.increment('dns.tcpRefused')
    const code: DnsCode = 'dns.tcp-limit'
    counters.refuse(code)
    limit(code, (count) => log.warn({ client: address, code, count }, 'connection refused'))
    socket.destroy()
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // A socket from systemd may serve both families (RFC 4291 §2.5.5.2). A client that left has no address.
    const address = (socket.remoteAddress ?? '').replace(/^::ffff:/, '')
    const admission = table.admit(address, {
      isBusy: () => connection.isBusy(),
      close: () => socket.destroy(),
    })
    if (typeof admission === 'string') {
      refuse(socket, address)
      return
    }
    counters.increment('dns.tcpConnections')
    const connection = serveConnection(socket, address, admission, options)
    connections.add(connection)
    socket.on('close', () => {
      connections.delete(connection)
      admission.leave()
    })
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
  admission: Admission,
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
    admission.touch()
    idle.cancel()
    idle = clock.after(limits.idleMs, expire)
  }

  function process(query: Uint8Array): void {
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

  /** Writes one message in each turn of the event loop, and none while the client does not read. */
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

  /** Resumes reading, pauses, or closes, depending on what is pending. */
  function settle(): void {
    if (isFinishing) {
      if (waiting === 0) socket.destroySoon()
    } else if (waiting >= limits.waiting || socket.writableLength > limits.pauseOctets) socket.pause()
    else socket.resume()
  }

  socket.on('data', (chunk) => {
    for (const query of frames.push(chunk)) {
      if (socket.destroyed) return
      process(query)
    }
    settle()
  })
  socket.on('drain', settle)
  // The client has sent its last query; pending replies are still written (RFC 7766 §6.2.4).
  socket.on('end', () => {
    isFinishing = true
    settle()
  })
  socket.on('error', () => counters.increment('dns.tcpErrors')) // a reset; 'close' follows
  socket.on('close', () => idle.cancel())

  return {
    isBusy: () => waiting > 0,
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
