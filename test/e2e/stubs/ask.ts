/**
 * Sends datagrams to servers and prints what came back, run in a namespace: `node ask.ts` with JSON on standard input, a list
 * of `{ to, port, hex, transport }`, one question after the other. Prints a list of replies in hexadecimal, null for silence.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

type Question = {
  readonly to: string
  readonly port: number
  readonly hex: string
  readonly transport: 'udp' | 'tcp'
}

const patienceMs = 400

/** Each from a port of its own, so that a late answer is nobody else's. */
function askUdp({ to, port, hex }: Question): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4')
    const done = (reply: string | null): void => {
      clearTimeout(limit)
      socket.close()
      resolve(reply)
    }
    const limit = setTimeout(() => done(null), patienceMs)
    socket.once('message', (reply) => done(reply.toString('hex')))
    socket.once('error', () => done(null))
    socket.send(Buffer.from(hex, 'hex'), port, to)
  })
}

function askTcp({ to, port, hex }: Question): Promise<string | null> {
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
    const limit = setTimeout(done, patienceMs)
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
for (const question of JSON.parse(await text(process.stdin)) as Question[]) {
  replies.push(await (question.transport === 'tcp' ? askTcp(question) : askUdp(question)))
}
process.stdout.write(JSON.stringify(replies))
