/**
 * Replays DHCP messages of clients. Runs in the namespace of the client as `node dhcp-replay.ts ADDRESS`, with a JSON list
 * of packets in hexadecimal on standard input. Broadcasts each from the address, and prints the replies to each.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { text } from 'node:stream/consumers'

const address = process.argv[2] ?? ''
const waitMs = 250

/** Only a socket on 0.0.0.0 receives broadcasts, only one on the address can send them. */
const [receiver, sender] = await Promise.all(['0.0.0.0', address].map(open))

async function open(bindAddress: string) {
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  socket.bind(68, bindAddress)
  await once(socket, 'listening')
  socket.setBroadcast(true)
  return socket
}

const results: string[][] = []
let current: string[] = []
for (const socket of [receiver, sender]) {
  socket?.on('message', (payload) => current.push(payload.toString('hex')))
}
for (const hex of JSON.parse(await text(process.stdin)) as string[]) {
  current = []
  results.push(current)
  sender?.send(Buffer.from(hex, 'hex'), 67, '255.255.255.255')
  await pause(waitMs)
}
await pause(4 * waitMs)
receiver?.close()
sender?.close()
process.stdout.write(JSON.stringify(results))
