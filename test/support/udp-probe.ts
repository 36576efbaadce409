/** A program that sends DNS queries or DHCPDISCOVERs at a steady rate and measures the delays; see flood-network.ts. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Delays, ProbeOptions } from './flood-network.ts'

const options = JSON.parse(process.argv[2] as string) as ProbeOptions & { readonly server: string }
const { server, service, seconds, everyMs } = options
const payload = Buffer.from(options.payload, 'hex')
/** A lost request counts as this long. */
const timeoutMs = 3000

const isDns = service === 'dns'
const socket = createSocket({ type: 'udp4', reuseAddr: true, recvBufferSize: 1024 * 1024 })
socket.bind({ address: '0.0.0.0', port: isDns ? 0 : 68 })
await once(socket, 'listening')
if (!isDns) socket.setBroadcast(true)

const sentAt: number[] = []
const delays = new Map<number, number>()
let firstAnswer: number | undefined
const startedAt = performance.now()

socket.on('message', (message) => {
  if (!isDns && message[0] !== 2) return
  const id = isDns ? message.readUInt16BE(0) : message.readUInt32BE(4)
  const at = sentAt[id]
  if (at === undefined || delays.has(id)) return
  delays.set(id, performance.now() - at)
  firstAnswer ??= performance.now() - startedAt
})

const count = Math.ceil((seconds * 1000) / everyMs)
const timer = setInterval(() => {
  const due = Math.min(count, (performance.now() - startedAt) / everyMs)
  while (sentAt.length < due) {
    const id = sentAt.length
    const request = Buffer.from(payload)
    if (isDns) request.writeUInt16BE(id, 0)
    else request.writeUInt32BE(id, 4)
    sentAt.push(performance.now())
    // The directed broadcast: a namespace without a default route cannot send to 255.255.255.255.
    socket.send(request, isDns ? 53 : 67, isDns ? server : '172.16.255.255')
  }
  if (sentAt.length < count) return
  clearInterval(timer)
  const waiting = setInterval(() => {
    const isAnswered = delays.size === count
    if (!isAnswered && performance.now() - (sentAt.at(-1) as number) < timeoutMs) return
    clearInterval(waiting)
    report()
  }, 20)
}, 1)

function report(): void {
  const all = sentAt.map((_, id) => delays.get(id) ?? timeoutMs).sort((a, b) => a - b)
  const at = (share: number) => all[Math.min(all.length - 1, Math.floor(all.length * share))] as number
  const result: Delays = {
    sent: count,
    answered: delays.size,
    p50: at(0.5),
    p99: at(0.99),
    max: all.at(-1) as number,
    ...(firstAnswer !== undefined && { firstAnswer }),
  }
  process.stdout.write(JSON.stringify(result), () => process.exit(0))
}
