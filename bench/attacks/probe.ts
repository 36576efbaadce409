/**
 * A declared node during an attack: a DNS query every 10 ms, and every 200 ms a new HTTP connection for a part of the
 * kernel. Prints the delays as JSON. Arguments: seconds, own address, server, name of the node, image.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { percentile } from '../statistics.ts'

export type Delays = {
  readonly sent: number
  readonly lost: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}
export type Probed = { readonly dns: Delays; readonly http: Delays }

const timeoutMs = 2000

if (import.meta.main) await main(process.argv.slice(2))

async function main([
  seconds = '1',
  own = '',
  server = '',
  name = '',
  image = '',
]: readonly string[]): Promise<void> {
  const endAt = performance.now() + Number(seconds) * 1000
  const [dns, http] = await Promise.all([
    repeat(endAt, 10, await dnsQuery(own, server, `${name}.ocp45.example.localdomain`)),
    repeat(endAt, 200, () => httpRequest(own, server, `/images/${image}/rhcos-live-kernel-x86_64`)),
  ])
  console.log(JSON.stringify({ dns, http } satisfies Probed))
  process.exit()
}

/** Starts the operation at an even rate, whether or not earlier ones have ended. */
async function repeat(endAt: number, everyMs: number, operation: () => Promise<void>): Promise<Delays> {
  const delays: number[] = []
  const pending: Promise<void>[] = []
  let lost = 0
  while (performance.now() < endAt) {
    const start = performance.now()
    pending.push(
      operation().then(
        () => {
          delays.push(performance.now() - start)
        },
        () => {
          lost++
        },
      ),
    )
    await new Promise((resolve) => setTimeout(resolve, everyMs))
  }
  await Promise.all(pending)
  const all = delays.length === 0 ? [Infinity] : delays
  return {
    sent: pending.length,
    lost,
    p50: percentile(all, 50),
    p99: percentile(all, 99),
    max: percentile(all, 100),
  }
}

async function dnsQuery(own: string, server: string, name: string): Promise<() => Promise<void>> {
  const socket = createSocket('udp4')
  const waiting = new Map<number, () => void>()
  socket.on('message', (reply) => waiting.get(reply.readUInt16BE(0))?.())
  await new Promise<void>((resolve) => socket.bind({ address: own }, resolve))
  const labels = name.split('.').flatMap((label) => [Buffer.of(label.length), Buffer.from(label)])
  let id = 0
  return () =>
    new Promise((resolve, reject) => {
      const current = (id = (id + 1) & 0xffff)
      const timer = setTimeout(() => {
        waiting.delete(current)
        reject(new Error('no reply'))
      }, timeoutMs)
      waiting.set(current, () => {
        clearTimeout(timer)
        waiting.delete(current)
        resolve()
      })
      const header = Buffer.of(current >>> 8, current & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0)
      socket.send(Buffer.concat([header, ...labels, Buffer.of(0, 0, 1, 0, 1)]), 53, server)
    })
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
