/**
 * Sends TFTP requests, each from a new port. Runs in the namespace of the client as `node tftp-requests.ts SERVER`, with a
 * JSON list of requests on standard input, and prints the answers.
 */
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { decodePacket, encodePacket, type TftpPacket } from '../../../src/proto/tftp/packet.ts'
import { runCases } from './run-cases.ts'

export type TftpCase = {
  /** The packet in hexadecimal. */
  readonly packet: string
  /**
   * What the client does with the first answer. `abort`: sends an ERROR. `fetch`: gets the whole file. `repeat`: ignores
   * it and sends the request again. `restart`: acknowledges the OACK, then sends the request again after the first block.
   * `leave`: closes its port.
   */
  readonly then: 'abort' | 'fetch' | 'repeat' | 'restart' | 'leave'
}

export type TftpResult = {
  /** Answers in hexadecimal: the first, and that to the repeated request. */
  readonly answers: readonly string[]
  /** The whole file. */
  readonly file?: { readonly octets: number; readonly sha256: string; readonly lastBlockOctets: number }
}

type Answer = { readonly payload: Buffer; readonly port: number }

const server = process.argv[2] ?? ''
/** A server that has not answered by then does not answer. */
const silentMs = 2000
/** Longer than the network needs, and shorter than the time-out of both servers. */
const beforeRepeatMs = 500
/** Clients that a server accepts at the same time. */
const concurrent = 6

async function run({ packet, then }: TftpCase): Promise<TftpResult> {
  const socket = createSocket('udp4')
  socket.bind(0)
  await once(socket, 'listening')
  const received: Answer[] = []
  socket.on('message', (payload, { port }) => received.push({ payload, port }))
  const next = async (limitMs = silentMs): Promise<Answer | undefined> => {
    for (const end = performance.now() + limitMs; received.length === 0 && performance.now() < end;) {
      await pause(5)
    }
    return received.shift()
  }
  const request = Buffer.from(packet, 'hex')
  socket.send(request, 69, server)
  const first = await next()
  const answers = first === undefined ? [] : [first.payload.toString('hex')]
  try {
    if (first === undefined) return { answers }
    if (then === 'fetch') return { answers, ...(await fetchFrom(socket, first, next)) }
    if (then === 'abort' || then === 'leave') return { answers }
    if (then === 'restart') {
      send(socket, { kind: 'ack', block: 0 }, first.port)
      await next()
    }
    await pause(beforeRepeatMs)
    received.length = 0
    socket.send(request, 69, server)
    const again = await next(beforeRepeatMs / 2)
    return { answers: [...answers, ...(again === undefined ? [] : [again.payload.toString('hex')])] }
  } finally {
    const isTransfer = first !== undefined && first.payload[1] !== 5
    if (isTransfer && then !== 'leave')
      send(socket, { kind: 'error', code: 0, message: 'aborted' }, first.port)
    await pause(20)
    socket.close()
  }
}

/** Acknowledges every block until the last one. */
async function fetchFrom(
  socket: Socket,
  first: Answer,
  next: (limitMs?: number) => Promise<Answer | undefined>,
): Promise<Pick<TftpResult, 'file'>> {
  const hash = createHash('sha256')
  let blockOctets = 512
  let octets = 0
  let block = 0
  for (let answer: Answer | undefined = first; answer !== undefined; answer = await next(5000)) {
    const packet = decodePacket(answer.payload)
    if (packet.kind === 'error') return {}
    if (packet.kind === 'oack') blockOctets = Number(packet.options.get('blksize') ?? blockOctets)
    else if (packet.kind !== 'data' || packet.block !== ((block + 1) & 0xffff)) continue
    else {
      block++
      hash.update(packet.payload)
      octets += packet.payload.length
    }
    send(socket, { kind: 'ack', block: block & 0xffff }, answer.port)
    if (packet.kind === 'data' && packet.payload.length < blockOctets) {
      return { file: { octets, sha256: hash.digest('hex'), lastBlockOctets: packet.payload.length } }
    }
  }
  return {}
}

function send(socket: Socket, packet: TftpPacket, port: number): void {
  socket.send(encodePacket(packet), port, server)
}

await runCases(concurrent, (each) => run(each as TftpCase))
