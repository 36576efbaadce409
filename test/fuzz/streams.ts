/** Octets sent to a real socket of the loopback, and what came back until the server closed. */
import { connect } from 'node:net'

/** A server that is done with a client that has gone closes within this. */
const patienceMs = 8000

/** @throws {Error} when the server does not close the connection, or cannot be reached */
export async function say(port: number, octets: Uint8Array): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const received: Buffer[] = []
  const faults = new Set(['the server does not accept connections'])
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  socket.on('error', () => undefined) // a reset is a close
  // In two parts, so that the server sees the first alone.
  const half = octets.length >> 1
  socket.write(octets.subarray(0, half))
  socket.once('connect', () => {
    faults.clear()
    setImmediate(() => socket.end(octets.subarray(half)))
  })
  const limit = setTimeout(() => {
    faults.add(`the connection is open after ${patienceMs / 1000} s`)
    socket.destroy()
  }, patienceMs)
  await new Promise((resolve) => socket.once('close', resolve))
  clearTimeout(limit)
  for (const fault of faults) throw new Error(fault)
  return Buffer.concat(received)
}

/** Says each of these on a connection of its own, several at a time. */
export async function sayAll<T>(
  inputs: readonly T[],
  atOnce: number,
  one: (input: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < inputs.length) {
      const index = next++
      await one(inputs[index] as T, index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
