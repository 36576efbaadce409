/**
 * A client that sends a DNS query and a DHCPDISCOVER every 5 ms, and opens HTTP connections until the first response. On
 * SIGTERM it prints one JSON line for each request. Times are milliseconds since 1970, with fractions. Arguments: own
 * address, server, domain of the nodes, number of nodes.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'

export type Request = {
  readonly service: 'dns' | 'dhcp' | 'http'
  readonly sentAt: number
  /** Absent if there was no answer. */
  readonly delayMs?: number
}

/** Nodes of the subnet of the server (site.ts). */
const nodesOnLink = 1000

if (import.meta.main) await main(process.argv.slice(2))

async function main([own = '', server = '', domain = '', count = '1']: readonly string[]): Promise<void> {
  const stopped = once(process, 'SIGTERM')
  const answers: Request[] = []
  const dns = await exchanger('dns', answers, own, (reply) => reply.readUInt16BE(0))
  const dhcp = await exchanger('dhcp', answers, own, (reply) => reply.readUInt32BE(4), 67)
  let number = 0
  const sending = setInterval(() => {
    const index = number++ % Number(count)
    const name = `n${String(index + 1).padStart(4, '0')}.${domain}`
    dns.send(number & 0xffff, dnsQuery(number & 0xffff, name), 53, server)
    dhcp.send(number, discover(number, index % nodesOnLink, own), 67, server)
  }, 5)
  const connecting = setInterval(() => {
    if (answers.some(({ service }) => service === 'http')) clearInterval(connecting)
    else request(answers, own, server)
  }, 20)
  process.stdout.write('ready\n')
  await stopped
  clearInterval(sending)
  clearInterval(connecting)
  const all = [...answers, ...dns.close(), ...dhcp.close()]
  for (const each of all) process.stdout.write(`${JSON.stringify(each)}\n`)
}

function now(): number {
  return performance.timeOrigin + performance.now()
}

type Exchanger = {
  send(id: number, message: Buffer, port: number, server: string): void
  /** Returns the requests without an answer. */
  close(): Request[]
}

async function exchanger(
  service: 'dns' | 'dhcp',
  answers: Request[],
  own: string,
  idOf: (reply: Buffer) => number,
  port = 0,
): Promise<Exchanger> {
  const sent = new Map<number, number>()
  const socket = createSocket('udp4')
  socket.on('message', (reply) => {
    const sentAt = sent.get(idOf(reply))
    if (sentAt === undefined) return
    sent.delete(idOf(reply))
    answers.push({ service, sentAt, delayMs: now() - sentAt })
  })
  // Until the server listens, its ports are unreachable.
  socket.on('error', () => {})
  socket.bind(port, own)
  await once(socket, 'listening')
  return {
    send(id, message, to, server) {
      sent.set(id, now())
      socket.send(message, to, server, () => {})
    },
    close() {
      socket.close()
      return [...sent.values()].map((sentAt) => ({ service, sentAt }))
    },
  }
}

export function dnsQuery(id: number, name: string): Buffer {
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label)])
  const header = Buffer.of(id >>> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
  return Buffer.concat([header, ...labels, Buffer.of(0, 0, 1, 0, 1)])
}

/** As a relay agent with the address of the client, to which the server replies. */
export function discover(id: number, index: number, relay: string): Buffer {
  const message = Buffer.alloc(300)
  message.set([1, 1, 6, 1])
  message.writeUInt32BE(id, 4)
  message.set(relay.split('.').map(Number), 24)
  message.set([0x52, 0x54, 0, 0, index >> 8, index & 255], 28)
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, 1, 55, 3, 1, 3, 6, 255], 236)
  return message
}

function request(answers: Request[], own: string, server: string): void {
  const sentAt = now()
  const socket = connect({ host: server, port: 80, localAddress: own })
  socket.on('error', () => {})
  socket.once('data', () => {
    answers.push({ service: 'http', sentAt, delayMs: now() - sentAt })
    socket.destroy()
  })
  socket.setTimeout(10_000, () => socket.destroy())
  socket.write('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
}
