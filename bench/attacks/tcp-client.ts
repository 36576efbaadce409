/** The attacker. Arguments: attack, seconds, server, image, path of the control socket, own addresses. */
import { connect, type Socket } from 'node:net'
import type { Flood } from './udp-client.ts'

type Target = {
  readonly server: string
  readonly image: string
  readonly control: string
  readonly addresses: readonly string[]
  readonly seconds: number
}

type Attack = (target: Target) => Promise<void>

/** Opens connections evenly from all addresses, and hands each to `use`. */
async function open(
  { server, addresses }: Target,
  { count, port = 80 }: { readonly count: number; readonly port?: number },
  use: (socket: Socket, index: number) => void,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const socket = connect({ host: server, port, localAddress: addresses[index % addresses.length] })
    socket.on('error', () => {})
    socket.once('connect', () => use(socket, index))
    // As fast as the network allows, in turns of the event loop.
    if (index % 100 === 99) await new Promise(setImmediate)
  }
}

const hold = ({ seconds }: Target) => new Promise<void>((resolve) => setTimeout(resolve, seconds * 1000))

const rootfs = (image: string) => `/images/${image}/rhcos-live-rootfs.x86_64.img`

export const tcpAttacks: Readonly<Record<string, Attack>> = {
  /** No attack: what the machine itself contributes to the delays. */
  none: hold,
  /** 5,000 connections that are used every 4 s. */
  async connections(target) {
    await open(target, { count: 5000 }, (socket) => {
      socket.resume()
      const request = () => socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
      request()
      const timer = setInterval(request, 4000)
      socket.once('close', () => clearInterval(timer))
    })
    await hold(target)
  },

  /** As many new connections a second as the client can open, up to 5,000. */
  async 'new-connections'(target) {
    const endAt = performance.now() + target.seconds * 1000
    while (performance.now() < endAt) {
      const start = performance.now()
      await open(target, { count: 500 }, (socket) => void setTimeout(() => socket.destroy(), 50))
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 100 - (performance.now() - start))))
    }
  },

  /** 4,000 requests for different parts of the rootfs that are not read. */
  async 'slow-readers'(target) {
    await open(target, { count: 4000 }, (socket, index) => {
      socket.pause()
      const from = index * 1024 * 1024
      socket.write(`GET ${rootfs(target.image)} HTTP/1.1\r\nHost: x\r\nRange: bytes=${from}-\r\n\r\n`)
    })
    await hold(target)
  },

  /** 3,000 requests whose header gets one byte a second. */
  async 'slow-headers'(target) {
    await open(target, { count: 3000 }, (socket) => {
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
      const timer = setInterval(() => socket.write('a'), 1000)
      socket.once('close', () => clearInterval(timer))
    })
    await hold(target)
  },

  /** 2,000 connections whose client closes its side at once, and sends no request. */
  async 'half-open'(target) {
    await open(target, { count: 2000 }, (socket) => socket.end())
    await hold(target)
  },

  /** 16 connections of each address to DNS over TCP, with a query each 6 s. */
  async 'dns-over-tcp'(target) {
    // For the root, type NS.
    const query = Buffer.from('00110001010000010000000000000000020001', 'hex')
    await open(target, { count: 16 * target.addresses.length, port: 53 }, (socket) => {
      socket.resume()
      socket.write(query)
      const timer = setInterval(() => socket.write(query), 6000)
      socket.once('close', () => clearInterval(timer))
    })
    await hold(target)
  },

  /** 32 readers of all events on the control socket that reconnect as soon as they have read 64 KiB. */
  async 'event-readers'(target) {
    const endAt = performance.now() + target.seconds * 1000
    const read = (): Promise<void> =>
      new Promise((resolve) => {
        let received = 0
        const socket = connect({ path: target.control })
        socket.on('error', () => {})
        socket.on('data', (chunk) => {
          received += chunk.length
          if (received > 65_536) socket.destroy()
        })
        socket.setTimeout(1000, () => socket.destroy())
        socket.once('close', () => resolve())
        socket.write('GET /v1/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1\r\n\r\n')
      })
    const reader = async () => {
      while (performance.now() < endAt) await read()
    }
    await Promise.all(Array.from({ length: 32 }, reader))
  },
}

if (import.meta.main) {
  const [name = '', seconds = '5', server = '', image = '', control = '', ...addresses] =
    process.argv.slice(2)
  const startedAt = Date.now()
  await tcpAttacks[name]?.({ server, image, control, addresses, seconds: Number(seconds) })
  const flood: Flood = { startedAt, endedAt: Date.now(), sent: 0 }
  process.stdout.write(JSON.stringify(flood), () => process.exit())
}
