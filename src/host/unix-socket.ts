/** A server on a Unix socket, for programs of this machine only: whoever may open the file may ask. */
import { once } from 'node:events'
import { access, lstat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { CannotListen } from './cannot-listen.ts'

/** Owner and group may ask: reading and writing, without the right to execute. */
const maskFor0660 = 0o117

/**
 * Listens on `path`, in place of a socket that a dead process left there.
 *
 * @throws {CannotListen} when another process listens there, or the file cannot be made
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
  // The file is made within this call; a mode set afterwards would come too late for a quick intruder.
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
  if (!file.isSocket()) throw new CannotListen(`cannot listen on ${path}: there is a file that is no socket`)
  if (await isAnswered(path)) {
    throw new CannotListen(
      `cannot listen on ${path}: another process does, probably another slipway; stop that one, or give --control another path`,
    )
  }
  await unlink(path).catch(async (error: unknown) => {
    throw await cannotListen(path, error as Error)
  })
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch (error) {
    // Refused by a file that nobody listens on. Anything else, a full queue for instance, is somebody.
    return (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED'
  } finally {
    socket.destroy()
  }
}

async function cannotListen(path: string, error: NodeJS.ErrnoException): Promise<CannotListen> {
  // The system's error for a folder that is not there comes as EACCES, too.
  const isThere = await access(dirname(path)).then(
    () => true,
    () => false,
  )
  const reason = isThere ? explain(error) : 'its folder is not there; make it, or give --control another path'
  return new CannotListen(`cannot listen on ${path}: ${reason}`, { cause: error })
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'its folder may not be written by this user; give --control another path, or start slipway by its systemd unit'
    default:
      return message
  }
}
