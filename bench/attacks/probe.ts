/**
 * A declared node during an attack: a DNS query and a DHCPDISCOVER every 10 ms, and every 200 ms a small file by TFTP and
 * a new HTTP connection for a part of the kernel. Prints all samples as JSON. Arguments: seconds, own address, own MAC
 * address, server, full name of the node, file, image, and the protocols to measure.
 */
import type { Socket as UdpSocket } from 'node:dgram'
import { connect } from 'node:net'
import { discover, dnsQuery, openUdp, tftpAck, tftpRequest } from './packets.ts'

/** When a request was sent (milliseconds since 1970), and its delay in milliseconds; without a response, `null`. */
export type Sample = readonly [sentAt: number, delayMs: number | null]
export type Protocol = 'dns' | 'dhcp' | 'tftp' | 'http'
export type Samples = Readonly<Partial<Record<Protocol, readonly Sample[]>>>

type Node = {
  readonly own: string
  readonly mac: string
  readonly server: string
  readonly name: string
  readonly file: string
  readonly image: string
}
type Operation = () => Promise<void>

const timeoutMs = 2000

async function main(arguments_: readonly string[]): Promise<void> {
  const [seconds = '1', own = '', mac = '', server = '', name = '', file = '', image = '', ...protocols] =
    arguments_
  const node: Node = { own, mac, server, name, file, image }
  const endAt = performance.now() + Number(seconds) * 1000
  const measured = await Promise.all(
    (protocols as Protocol[]).map(async (protocol) => {
      const { everyMs, prepare } = operations[protocol]
      return [protocol, await repeat(endAt, everyMs, await prepare(node))] as const
    }),
  )
  process.stdout.write(JSON.stringify(Object.fromEntries(measured) satisfies Samples), () => process.exit())
}

const operations: Readonly<
  Record<Protocol, { readonly everyMs: number; readonly prepare: (node: Node) => Promise<Operation> }>
> = {
  dns: { everyMs: 10, prepare: ({ own, server, name }) => dnsQueries(own, server, name) },
  dhcp: { everyMs: 10, prepare: ({ mac, server }) => dhcpDiscover(mac, server) },
  tftp: {
    everyMs: 200,
    prepare: ({ own, server, file }) => Promise.resolve(() => tftpRead(own, server, file)),
  },
  http: {
    everyMs: 200,
    prepare: ({ own, server, image }) =>
      Promise.resolve(() => httpRequest(own, server, `/images/${image}/rhcos-live-kernel-x86_64`)),
  },
}

/** Starts the operation at an even rate, whether or not earlier ones have ended. */
async function repeat(endAt: number, everyMs: number, operation: Operation): Promise<Sample[]> {
  const samples: Promise<Sample>[] = []
  while (performance.now() < endAt) {
    const start = performance.now()
    const sentAt = Date.now()
    samples.push(
      operation().then(
        () => [sentAt, performance.now() - start],
        () => [sentAt, null],
      ),
    )
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  return Promise.all(samples)
}

/** Matches replies to requests by a number that both have. */
function createPending(socket: UdpSocket, keyOf: (reply: Buffer) => number | undefined) {
  const waiting = new Map<number, () => void>()
  socket.on('message', (reply) => waiting.get(keyOf(reply) ?? -1)?.())
  return (key: number, send: () => void) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(key)
        reject(new Error('no reply'))
      }, timeoutMs)
      waiting.set(key, () => {
        clearTimeout(timer)
        waiting.delete(key)
        resolve()
      })
      send()
    })
}

async function dnsQueries(own: string, server: string, name: string): Promise<Operation> {
  const socket = await openUdp(own, 0)
  const exchange = createPending(socket, (reply) => reply.readUInt16BE(0))
  let id = 0
  return () => {
    const current = (id = (id + 1) & 0xffff)
    return exchange(current, () => socket.send(dnsQuery(current, name), 53, server))
  }
}

/** The server broadcasts its offers, also those to the attacker: they are told apart by their transaction. */
async function dhcpDiscover(mac: string, server: string): Promise<Operation> {
  const socket = await openUdp('0.0.0.0', 68)
  const exchange = createPending(socket, (reply) => (reply.length < 240 ? undefined : reply.readUInt32BE(4)))
  let xid = 0x10_00_00_00
  return () => {
    const current = ++xid
    return exchange(current, () => socket.send(discover({ mac, xid: current }), 67, server))
  }
}

/** Reads a file of one block from a new port, and acknowledges it. */
async function tftpRead(own: string, server: string, file: string): Promise<void> {
  const socket = await openUdp(own, 0)
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no block')), timeoutMs)
      socket.on('message', (packet, { address, port }) => {
        clearTimeout(timer)
        if (packet.readUInt16BE(0) !== 3) reject(new Error('refused'))
        socket.send(tftpAck(1), port, address, () => resolve())
      })
      socket.send(tftpRequest(file), 69, server)
    })
  } finally {
    socket.close()
  }
}

function httpRequest(own: string, server: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0
    const socket = connect({ host: server, port: 80, localAddress: own })
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('no response')))
    socket.on('data', (chunk) => {
      received += chunk.length
    })
    socket.on('error', reject)
    socket.on('close', () => (received > 100_000 ? resolve() : reject(new Error('cut off'))))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-99999\r\nConnection: close\r\n\r\n`)
  })
}

if (import.meta.main) await main(process.argv.slice(2))
