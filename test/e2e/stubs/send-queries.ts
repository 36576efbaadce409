/**
 * Sends queries to servers and prints the replies. Runs in a namespace as `node send-queries.ts`, with a JSON list of
 * `{ to, port, hex, transport }` on standard input. Sends one query after the other and prints a JSON list of replies in
 * hexadecimal; null if there was no reply.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

type Query = {
  readonly to: string
  readonly port: number
  readonly hex: string
  readonly transport: 'udp' | 'tcp'
}

const timeoutMs = 400

/** Uses a new port for each query, so that a late reply is not attributed to another query. */
function sendOverUdp({ to, port, hex }: Query): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const done = (reply: string | null): void => {
      clearTimeout(limit)
      socket.close()
      resolve(reply)
    }
    const limit = setTimeout(() => done(null), timeoutMs)
    socket.once('message', (reply) => done(reply.toString('hex')))
    socket.once('error', () => done(null))
    socket.send(Buffer.from(hex, 'hex'), port, to)
  })
}

function sendOverTcp({ to, port, hex }: Query): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(port, to)
    const chunks: Buffer[] = []
    const message = Buffer.from(hex, 'hex')
    const done = (): void => {
      clearTimeout(limit)
      socket.destroy()
      const all = Buffer.concat(chunks)
      resolve(all.length > 2 ? all.subarray(2).toString('hex') : null)
    }
    const limit = setTimeout(done, timeoutMs)
    socket.on('data', (chunk) => {
      chunks.push(chunk)
      const all = Buffer.concat(chunks)
      if (all.length >= 2 && all.length >= 2 + all.readUInt16BE(0)) done()
    })
    socket.on('error', done)
    socket.on('close', done)
    socket.write(Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]))
  })
}

const replies: (string | null)[] = []
for (const query of JSON.parse(await text(process.stdin)) as Query[]) {
  replies.push(await (query.transport === 'tcp' ? sendOverTcp(query) : sendOverUdp(query)))
}
process.stdout.write(JSON.stringify(replies))
