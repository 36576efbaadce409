/**
 * The resolver of the office. Runs in a namespace as `node resolver.ts ADDRESS`. Answers every question with the A record
 * 203.0.113.80. Names that start with "large." get a truncated answer over UDP, and the record over TCP. Names that start
 * with "missing." get NXDOMAIN. For names that start with "brief." the TTL is 1 s.
 */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const address = process.argv[2]
const port = 53
const headerOctets = 12

/** QR, RD and RA set, then TC or the response code (RFC 1035 §4.1.1). */
const Flags = { answer: 0x8180, truncated: 0x8380, nxdomain: 0x8183 } as const

/** Returns a record: a pointer to the name in the question, type A, class IN, TTL, four octets of address. */
const record = (ttl: number): Buffer =>
  Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4, 203, 0, 113, 80])

function reply(query: Buffer, transport: 'udp' | 'tcp'): Buffer {
  const question = query.subarray(headerOctets, query.indexOf(0, headerOctets) + 5)
  const firstLabel = question.toString('latin1', 1, 1 + question.readUInt8(0))
  const flags =
    firstLabel === 'missing'
      ? Flags.nxdomain
      : firstLabel === 'large' && transport === 'udp'
        ? Flags.truncated
        : Flags.answer
  const hasAnswer = flags === Flags.answer
  const header = Buffer.alloc(headerOctets)
  query.copy(header, 0, 0, 2)
  header.writeUInt16BE(flags, 2)
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6)
  return Buffer.concat([header, question, ...(hasAnswer ? [record(firstLabel === 'brief' ? 1 : 60)] : [])])
}

const udp = createSocket('udp4')
udp.on('message', (query, { address, port }) => udp.send(reply(query, 'udp'), port, address))
udp.bind(port, address)

createServer((socket) => {
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return
    const answer = reply(received.subarray(2), 'tcp')
    const length = Buffer.alloc(2)
    length.writeUInt16BE(answer.length)
    socket.end(Buffer.concat([length, answer]))
  })
  socket.on('error', () => socket.destroy())
}).listen(port, address)
