/**
 * A process that uses the sockets passed as `dns` (socket activation): echoes every datagram, with `lane` in a lane, and
 * sends a text to every connection. Prints one line of JSON when it listens, or the error.
 */
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { systemClock } from '../../src/host/clock.ts'
import { Counters } from '../../src/host/counters.ts'
import { startLane } from '../../src/host/lane/lane.ts'
import { createSockets } from '../../src/host/sockets.ts'
import { silentLog } from './silent-log.ts'

const sockets = createSockets(process.env)
const options = { address: '127.0.0.1', port: 0 }
try {
  if (process.argv.includes('tcp-first')) await sockets.tcp('dns', createServer(), options)
  const ports = await (process.argv.includes('lane') ? echoInLane() : echo())
  const server = createServer((connection) => connection.end('hello'))
  if (process.argv.includes('tcp')) await sockets.tcp('dns', server, options)
  const inherited = spawnSync('readlink /proc/self/fd/3 /proc/self/fd/4; env', {
    shell: true,
    encoding: 'utf8',
  })
  const report = {
    adopted: sockets.isAdopted('dns'),
    udp: ports.map((port) => port.local),
    tcp: server.address(),
    inheritedByChildren: inherited.stdout.split('\n').filter((line) => /^socket:|^LISTEN_/.test(line)),
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: (error as Error).message })}\n`)
  process.exit(1)
}

async function echo() {
  const ports = await sockets.udp('dns', { ...options, broadcast: true })
  for (const port of ports) {
    port.receive(([datagram]) => {
      if (datagram !== undefined) port.send(datagram.payload, datagram.address, datagram.port)
    })
  }
  return ports
}

async function echoInLane() {
  const opened = await sockets.lane?.('dns', options)
  if (opened === undefined || 'reason' in opened) throw new Error(opened?.reason)
  const program = { url: import.meta.url, name: '../host/lane/echo-worker' }
  const nothing = () => undefined
  const unused = { receive: nothing, ended: nothing, onLost: nothing, greet: () => [], log: silentLog() }
  const data = { label: 'lane' }
  startLane({
    ...opened,
    ...unused,
    name: 'dns',
    program,
    data,
    clock: systemClock,
    counters: new Counters(),
  })
  return opened.sockets
}
