/**
 * The local API as a service on a Unix socket. The mode of the socket file (0660) decides which local users can
 * connect.
 */
import { once } from 'node:events'
import { access, lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import type { Service } from '../../host/udp.ts'
import { CannotListen } from '../../host/cannot-listen.ts'
import { userHeader, type Identity } from './access/identity.ts'
import { createRoutes, type RoutesOptions } from './routes.ts'
import type { FastifyRequest } from 'fastify'

export type ControlOptions = RoutesOptions & {
  readonly path: string
  readonly onLost: (error: Error) => void
}

/** @throws {CannotListen} */
export async function startControl(options: ControlOptions): Promise<Service> {
  const { path, onLost } = options
  const app = createRoutes(options, { identify: localUser })
  await app.ready()
  const { server } = app
  await listenOnUnixSocket(server, path)
  server.on('error', onLost)
  return {
    name: 'control',
    listening: [`unix ${path}`],
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      // Event streams never end, and a pending reload has no result after the end of the process.
      server.closeAllConnections()
      await closed
      await app.close()
    },
  }
}

/**
 * The mode of the socket decides who can connect, and Node.js does not report the user of the other process. The name is
 * the one that the client sends, for the log only.
 */
function localUser({ headers }: FastifyRequest): Identity {
  const name = headers[userHeader]
  const isName = typeof name === 'string' && /^[\w.@-]{1,64}$/.test(name)
  return { name: isName ? `local:${name}` : 'local', scope: 'admin' }
}

/** Owner and group can connect (mode 0660). */
const maskFor0660 = 0o117

/**
 * Listens on `path`, and replaces a socket file that an ended process left there.
 *
 * @throws {CannotListen} when another process listens on it, or the file cannot be created
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  try {
    await listen(server, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw await cannotListen(path, error as Error)
    await removeStale(path)
    try {
      await listen(server, path)
    } catch (again) {
      throw await cannotListen(path, again as Error)
    }
  }
}

async function listen(server: Server, path: string): Promise<void> {
  // listen() creates the file; setting its mode afterwards would leave a moment with the default mode.
  const before = process.umask(maskFor0660)
  try {
    server.listen(path)
  } finally {
    process.umask(before)
  }
  await once(server, 'listening')
}

async function removeStale(path: string): Promise<void> {
  const file = await lstat(path).catch(() => undefined)
  if (file === undefined) return
  if (!file.isSocket())
    throw new CannotListen(
      `cannot listen on ${path}: the file exists and is not a socket; set --control to another path`,
    )
  if (await isInUse(path)) {
    throw new CannotListen(
      `cannot listen on ${path}: another process listens on it, probably another slipway; stop that process, or set --control to another path`,
    )
  }
  await unlink(path).catch(async (error: unknown) => {
    throw await cannotListen(path, error as Error)
  })
}

async function isInUse(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    // Without a listener the connection is refused. Any other error, such as a full queue, means a listener.
    return (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

/** Size of `sun_path` on Linux (unix(7)). */
const maxSocketPathOctets = 108

async function cannotListen(path: string, error: NodeJS.ErrnoException): Promise<CannotListen> {
  // For a missing directory, Node reports EACCES as well.
  const isThere = await access(dirname(path)).then(
    () => true,
    () => false,
  )
  const octets = Buffer.byteLength(path)
  if (octets > maxSocketPathOctets) {
    const text = `the path has ${octets} bytes, the maximum is ${maxSocketPathOctets}; set --control to a shorter path`
    return new CannotListen(`cannot listen on ${path}: ${text}`, { cause: error })
  }
  const reason = isThere
    ? explain(error)
    : 'its directory does not exist; create it, or set --control to another path'
  return new CannotListen(`cannot listen on ${path}: ${reason}`, { cause: error })
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'this user cannot write to its directory; set --control to another path, or start slipway with its systemd unit'
    default:
      return message
  }
}
