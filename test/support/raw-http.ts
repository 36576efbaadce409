/** HTTP octet by octet, for what no client library would send or show. */
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'

export type RawConnection = {
  readonly socket: Socket
  /** Everything received so far, as Latin-1. */
  text(): string
  /** Resolves with everything received as soon as that holds `enough`; rejects when the peer closes before. */
  until(enough: (text: string) => boolean): Promise<string>
  /** Resolves with everything received when the peer has closed. */
  end(): Promise<string>
}

export async function rawConnection(port: number): Promise<RawConnection> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  let changed = () => {}
  socket.on('data', (octets: Buffer) => {
    received += octets.toString('latin1')
    changed()
  })
  socket.on('close', () => changed())
  socket.on('error', () => {}) // a reset is a close here; a refused connection rejects below
  await once(socket, 'connect')

  async function until(enough: (text: string) => boolean): Promise<string> {
    while (!enough(received)) {
      if (socket.closed) throw new Error(`closed after ${JSON.stringify(received.slice(0, 1000))}`)
      await new Promise<void>((resolve) => (changed = resolve))
    }
    return received
  }

  return { socket, text: () => received, until, end: () => until(() => socket.closed) }
}

/** Sends this and returns everything that comes back until the peer closes. */
export async function exchangeRaw(port: number, request: string): Promise<string> {
  const connection = await rawConnection(port)
  connection.socket.write(request)
  return connection.end()
}
