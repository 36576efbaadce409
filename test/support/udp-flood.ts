/** A program that floods a server with datagrams from many source addresses; see flood-network.ts. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { FloodOptions } from './flood-network.ts'

const options = JSON.parse(process.argv[2] as string) as FloodOptions & { readonly server: string }
const { server, port, rate, seconds, sources, sourcePort = 0 } = options
const payloads = options.payloads.map((payload) => Buffer.from(payload, 'hex'))

const sockets = await Promise.all(
  sources.map(async (address) => {
    const socket = createSocket({
      type: 'udp4',
      lookup: (name, _options, done) => done(null, name, 4),
      sendBufferSize: 1024 * 1024,
    })
    socket.on('error', () => {})
    const listening = once(socket, 'listening')
    socket.bind({ address, port: sourcePort })
    await listening
    return socket
  }),
)

let sent = 0
const startedAt = performance.now()
const timer = setInterval(() => {
  const elapsedMs = performance.now() - startedAt
  const due = Math.min(elapsedMs / 1000, seconds) * rate
  for (; sent < due; sent++) {
    sockets[sent % sockets.length]?.send(payloads[sent % payloads.length] as Buffer, port, server)
  }
  if (elapsedMs < seconds * 1000) return
  clearInterval(timer)
  process.stdout.write(String(sent), () => process.exit(0))
}, 1)
