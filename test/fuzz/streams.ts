/** Sends octets to a server on the loopback interface, and receives until the server closes the connection. */
import { connect } from 'node:net'

/** The server must close a connection that the client has ended within this time. */
const timeoutMs = 8000

/** @throws {Error} if the server does not close the connection, or is not reachable */
export async function exchange(port: number, octets: Uint8Array): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const received: Buffer[] = []
  const faults = new Set(['the server does not accept connections'])
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  socket.on('error', () => undefined) // a reset also closes
  // In two parts, so that the server receives the first one alone.
  const half = octets.length >> 1
  socket.write(octets.subarray(0, half))
  socket.once('connect', () => {
    faults.clear()
    setImmediate(() => socket.end(octets.subarray(half)))
  })
  const limit = setTimeout(() => {
    faults.add(`the connection is still open after ${timeoutMs / 1000} s`)
    socket.destroy()
  }, timeoutMs)
  await new Promise((resolve) => socket.once('close', resolve))
  clearTimeout(limit)
  for (const fault of faults) throw new Error(fault)
  return Buffer.concat(received)
}

/** Calls `one` for each input, with up to `concurrency` calls at a time. */
export async function exchangeAll<T>(
  inputs: readonly T[],
  concurrency: number,
  one: (input: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < inputs.length) {
      const index = next++
      await one(inputs[index] as T, index)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, lane))
}
