// Asks DNS without pause until SIGTERM, then prints how many answers came and how late the latest one was. Fails if a
// query was not answered within 10 s.
import { createSocket } from 'node:dgram'

const [server] = process.argv.slice(2)
const name = Buffer.from('\x03api\x05ocp45\x07example\x03com\0', 'latin1')
const socket = createSocket('udp4')
const limitMs = 10_000
let id = 0
let slowest = 0
let sentAt = 0
let isStopping = false

function query() {
  id = (id + 1) & 0xffff
  sentAt = performance.now()
  const header = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
  socket.send(Buffer.concat([header, name, Buffer.from([0, 1, 0, 1])]), 53, server)
}

const watchdog = setInterval(() => {
  if (performance.now() - sentAt < limitMs) return
  console.log(`no answer within ${limitMs / 1000} s`)
  process.exit(1)
}, 500)
socket.on('message', (answer) => {
  if (answer.readUInt16BE(0) !== id) return
  slowest = Math.max(slowest, performance.now() - sentAt)
  if (!isStopping) return setTimeout(query, 2)
  clearInterval(watchdog)
  socket.close()
  console.log(`${id} queries, all answered, the slowest after ${Math.round(slowest)} ms`)
})
process.on('SIGTERM', () => (isStopping = true))
query()
