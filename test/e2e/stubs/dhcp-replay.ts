/**
 * Replays DHCP messages of clients, run in the client's namespace: `node dhcp-replay.ts ADDRESS` with JSON on standard input,
 * a list of packets in hexadecimal. Sends each by broadcast from the address, and prints for each the replies that came.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { text } from 'node:stream/consumers'

const address = process.argv[2] ?? ''
const patienceMs = 250

/** 0.0.0.0 alone hears broadcasts, the address alone can send them. */
const [everywhere, own] = await Promise.all(['0.0.0.0', address].map(open))

async function open(bindAddress: string) {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(68, bindAddress)
  await once(socket, 'listening')
  socket.setBroadcast(true)
  return socket
}

const results: string[][] = []
let current: string[] = []
for (const socket of [everywhere, own]) {
  socket?.on('message', (payload) => current.push(payload.toString('hex')))
}
for (const hex of JSON.parse(await text(process.stdin)) as string[]) {
  current = []
  results.push(current)
  own?.send(Buffer.from(hex, 'hex'), 67, '255.255.255.255')
  await pause(patienceMs)
}
everywhere?.close()
own?.close()
process.stdout.write(JSON.stringify(results))
