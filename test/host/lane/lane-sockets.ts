/** Lane sockets and clients on loopback, closed at the end of a test. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import type { Test } from 'tap'
import { loadLibc, type Libc } from '../../../src/host/lane/libc.ts'
import { bindLaneSocket, type LaneSocket } from '../../../src/host/lane/socket.ts'

export const loopback = { address: '127.0.0.1', port: 0, bufferOctets: 1024 * 1024 }
export const loopback6 = { ...loopback, address: '::1' }

export async function libcOf(): Promise<Libc> {
  const libc = await loadLibc()
  if ('reason' in libc) throw new Error(libc.reason)
  return libc
}

export async function laneSocketOf(t: Test, options = loopback): Promise<LaneSocket> {
  const socket = bindLaneSocket(await libcOf(), options)
  t.teardown(() => socket.close())
  return socket
}

export type Client = {
  readonly socket: Socket
  readonly port: number
  /** Resolves when the kernel has delivered the datagram. */
  send(payload: Uint8Array, to: LaneSocket): Promise<void>
  next(): Promise<Uint8Array>
}

export async function clientOf(t: Test, { address } = loopback): Promise<Client> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  t.teardown(() => socket.close())
  const received: Uint8Array[] = []
  const waiting: ((payload: Uint8Array) => void)[] = []
  socket.on('message', (payload) => {
    const first = waiting.shift()
    if (first === undefined) received.push(payload)
    else first(payload)
  })
  return {
    socket,
    port: socket.address().port,
    send: (payload, { local }) =>
      new Promise((resolve) => socket.send(payload, local.port, local.address, () => resolve())),
    next() {
      const first = received.shift()
      if (first !== undefined) return Promise.resolve(first)
      return new Promise((resolve) => waiting.push(resolve))
    },
  }
}
