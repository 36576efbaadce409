/**
 * Measures how fast slipway answers. Runs as `node answer-probe.ts SERVER ADDRESS MAC NAME SECONDS`. Sends a DNS query and
 * a DHCPREQUEST of a renewing client every 10 ms, one after the other, and prints the latencies as JSON. The machine must
 * have the reserved address.
 */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { measureSchedulingDelay } from '../scheduling-delay.ts'

/** In milliseconds. */
export type ProbeResult = {
  readonly dns: Percentiles
  readonly dhcp: Percentiles
  /** How long this process waited for a processor. */
  readonly delayMs: number
}

type Percentiles = {
  readonly count: number
  readonly lost: number
  readonly p99: number
  readonly max: number
}

const [server = '', address = '', mac = '', name = '', seconds = ''] = process.argv.slice(2)
const timeoutMs = 1000
const schedulingDelay = measureSchedulingDelay()

const dns = createSocket('udp4').bind(0)
const dhcp = createSocket('udp4').bind(68, address)
await Promise.all([once(dns, 'listening'), once(dhcp, 'listening')])

const latencies: Record<'dns' | 'dhcp', number[]> = { dns: [], dhcp: [] }
const lost = { dns: 0, dhcp: 0 }
const endsAt = performance.now() + Number(seconds) * 1000
for (let id = 1; performance.now() < endsAt; id++) {
  await measure('dns', dns, query(id & 0xffff), 53)
  await measure('dhcp', dhcp, renewal(id), 67)
  await sleep(10)
}
const result: ProbeResult = {
  dns: percentiles('dns'),
  dhcp: percentiles('dhcp'),
  delayMs: schedulingDelay(),
}
console.log(JSON.stringify(result))
process.exit(0)

async function measure(kind: 'dns' | 'dhcp', socket: Socket, packet: Buffer, port: number): Promise<void> {
  const startedAt = performance.now()
  socket.send(packet, port, server)
  const answered = once(socket, 'message').then(() => true)
  if (await Promise.race([answered, sleep(timeoutMs, false)]))
    latencies[kind].push(performance.now() - startedAt)
  else lost[kind]++
}

function percentiles(kind: 'dns' | 'dhcp'): Percentiles {
  const sorted = latencies[kind].sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round((sorted[Math.floor((sorted.length - 1) * share)] ?? 0) * 10) / 10
  return { count: sorted.length, lost: lost[kind], p99: at(0.99), max: at(1) }
}

/** Returns a query for an A record (RFC 1035 §4). */
function query(id: number): Buffer {
  const header = Buffer.alloc(12)
  header.writeUInt16BE(id, 0)
  header.writeUInt16BE(0x0100, 2)
  header.writeUInt16BE(1, 4)
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)]))
  return Buffer.concat([header, ...labels, Buffer.of(0, 0, 1, 0, 1)])
}

/** Returns a DHCPREQUEST in the state RENEWING (RFC 2131 §4.3.2). */
function renewal(xid: number): Buffer {
  const message = Buffer.alloc(300)
  message.set([1, 1, 6, 0])
  message.writeUInt32BE(xid, 4)
  message.set(address.split('.').map(Number), 12)
  message.set(Buffer.from(mac.replaceAll(':', ''), 'hex'), 28)
  message.set([0x63, 0x82, 0x53, 0x63, 53, 1, 3, 255], 236)
  return message
}
