/**
 * A forger that sends in the name of victims, and the victims. Each strategy has another victim, so that its bytes can be
 * counted. Arguments: `send` or `receive`, server, then `tftp`, seconds, first and last port for acknowledgments, granted
 * window; or `dns`, seconds, name. Prints the bytes of each strategy.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { dnsQuery, openUdp, tftpAck, tftpRequest } from './packets.ts'

/** Bytes on the link. */
export type Traffic = { readonly sent: number; readonly received: number }

/** In the subnet of the site for TFTP, outside of it for DNS; the addresses of clients 2 and 3. */
const tftpVictims = ['172.16.7.201', '172.16.7.202', '172.16.7.203', '172.16.7.204', '172.16.7.205']
const dnsVictims = ['10.99.0.1', '10.99.1.1', '10.99.2.1']
export const victims = [...tftpVictims, ...dnsVictims]

const firstPort = 50_001
/** How many transfers or queries a forger has at once with each victim. */
const maxPorts = 10
/** Ethernet, IPv4, and UDP. */
const headerOctets = 14 + 20 + 8
const packetsPerSecond = 5000
const ackSeconds = 8

type Sender = (victim: number, port: number, payload: Buffer, to: number) => void
type Strategy = {
  readonly name: string
  readonly victim: string
  readonly run: (send: Sender, victim: number) => void | Promise<void>
}

const plain = tftpRequest('large.efi')
const withOptions = tftpRequest('large.efi', 'blksize\x001428\0windowsize\x0016\0tsize\x000\0')

function tftpStrategies([first = 0, last = 0, windowBlocks = 1]: readonly number[]): Strategy[] {
  const targets = Array.from({ length: last - first + 1 }, (_, index) => first + index)
  // If all ports must be tried, more transfers only make a round longer.
  const transfers = targets.length > 1000 ? 1 : maxPorts
  const start = (send: Sender, victim: number, packet: Buffer, count = maxPorts) => {
    for (let port = 0; port < count; port++) send(victim, port, packet, 69)
  }
  const blind =
    (order: number, stepBlocks: number, targetsOf: (port: number) => readonly number[]): Strategy['run'] =>
    async (send, victim) => {
      await sleep(order * (ackSeconds + 1) * 1000)
      start(send, victim, withOptions, transfers)
      await sleep(500)
      const began = performance.now()
      let sent = 0
      for (let block = 0; ; block += stepBlocks) {
        for (let port = 0; port < transfers; port++) {
          for (const target of targetsOf(port)) {
            const dueMs = (sent++ * 1000) / packetsPerSecond
            const elapsed = performance.now() - began
            if (elapsed > ackSeconds * 1000) return
            if (dueMs > elapsed) await sleep(dueMs - elapsed)
            send(victim, port, tftpAck(block), target)
          }
        }
      }
    }
  const [one, two, three, four, five] = tftpVictims as [string, string, string, string, string]
  return [
    {
      ...{ name: 'no options, no ACK', victim: one },
      run: (send, victim) => start(send, victim, plain),
    },
    {
      ...{ name: 'options, no ACK', victim: two },
      run: (send, victim) => start(send, victim, withOptions),
    },
    { name: 'blind ACK of each block', victim: three, run: blind(0, 1, () => targets) },
    { name: 'blind ACK of each window', victim: four, run: blind(1, windowBlocks, () => targets) },
    // A server that takes the first free port of a range is predictable.
    ...(targets.length > 1 && targets.length <= 1000
      ? [{ name: 'blind ACK to the next port', victim: five, run: blind(2, 1, (port) => [first + port]) }]
      : []),
  ]
}

const typeAny = 255

function dnsStrategies(seconds: number, name: string): Strategy[] {
  const zone = name.slice(name.indexOf('.') + 1)
  const flood =
    (packet: Buffer): Strategy['run'] =>
    async (send, victim) => {
      for (let sent = 0; sent < seconds * 200; sent++) {
        send(victim, sent % maxPorts, packet, 53)
        await sleep(5)
      }
    }
  const [one, two, three] = dnsVictims as [string, string, string]
  return [
    { name: 'A', victim: one, run: flood(dnsQuery(1, name)) },
    {
      name: 'ANY of the zone, with EDNS',
      victim: two,
      run: flood(dnsQuery(1, zone, { qtype: typeAny, hasEdns: true })),
    },
    {
      name: 'A of a missing name, with EDNS',
      victim: three,
      run: flood(dnsQuery(1, `missing.${zone}`, { hasEdns: true })),
    },
  ]
}

const open = (address: string) =>
  Promise.all(Array.from({ length: maxPorts }, (_, index) => openUdp(address, firstPort + index)))

async function main([role = '', server = '', protocol = '', seconds = '0', ...rest]: readonly string[]) {
  const strategies =
    protocol === 'tftp' ? tftpStrategies(rest.map(Number)) : dnsStrategies(Number(seconds), rest[0] ?? '')
  const sockets = await Promise.all(strategies.map(({ victim }) => open(victim)))
  const octets = new Map(strategies.map(({ name }) => [name, 0]))
  const count = (index: number, length: number) => {
    const { name } = strategies[index] as Strategy
    octets.set(name, (octets.get(name) ?? 0) + length + headerOctets)
  }
  if (role === 'send') {
    // The victims are ready.
    await sleep(500)
    const send: Sender = (victim, port, payload, to) => {
      count(victim, payload.length)
      sockets[victim]?.[port]?.send(payload, to, server)
    }
    await Promise.all(strategies.map(async ({ run }, index) => run(send, index)))
  } else {
    // Nothing is answered: an ICMP error could end a transfer.
    for (const [index, own] of sockets.entries()) {
      for (const socket of own) socket.on('message', (payload) => count(index, payload.length))
    }
    await sleep((Number(seconds) + 1) * 1000)
  }
  process.stdout.write(JSON.stringify(Object.fromEntries(octets)), () => process.exit())
}

if (import.meta.main) await main(process.argv.slice(2))
