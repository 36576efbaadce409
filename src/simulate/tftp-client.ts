/**
 * A read-only TFTP client like that of firmware (RFC 1350, 2347, 2348, 2349, 7440). It can also request only the size of a
 * file and abort with ERROR 8.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../host/clock.ts'
import type { Datagram, Sockets, UdpPort } from '../host/udp.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import {
  decodePacket,
  encodePacket,
  ErrorCode,
  type TftpOptions,
  type TftpPacket,
} from '../proto/tftp/packet.ts'
import { BootProblem } from './timeline.ts'

export type TftpClient = {
  readonly sockets: Sockets
  readonly clock: Clock
  /** Source address of the requests, in dotted text. */
  readonly source: string
  readonly server: { readonly address: string; readonly port: number }
}

export type TftpQuestion = {
  readonly file: string
  /** Options of the request in the order of the client, for example `blksize` 1468. */
  readonly options: TftpOptions
}

export type TftpFile = {
  readonly octets: number
  readonly sha256: string
  /** The negotiated values; 512 and 1 without negotiation. */
  readonly blksize: number
  readonly windowsize: number
}

/** Times until each retransmission; then the transfer fails. */
const timeoutMs = [1000, 2000, 4000]

/** RFC 1350 §2: blocks of 512 octets. RFC 7440 §4: without the option, a window has one block. */
const plainBlksize = 512

/** Requests the size of a file and aborts (RFC 2349 `tsize`, ERROR 8), as OVMF does. */
export async function probeSize(client: TftpClient, question: TftpQuestion): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const transfer = await begin(client, question, reject, (packet, reply) => {
    if (packet.kind !== 'oack') {
      throw transfer.problem('an OACK to a request with tsize (RFC 2347)', describe(packet))
    }
    const size = Number(checkedOptions(transfer, packet.options).get('tsize'))
    if (!Number.isSafeInteger(size) || size < 0) {
      throw transfer.problem(
        'the size of the file as tsize (RFC 2349)',
        packet.options.get('tsize') ?? 'nothing',
      )
    }
    reply({ kind: 'error', code: ErrorCode.optionNegotiation, message: 'User aborted the transfer' })
    resolve(size)
  })
  return promise.finally(transfer.end)
}

export async function readFile(client: TftpClient, question: TftpQuestion): Promise<TftpFile> {
  const { promise, resolve, reject } = Promise.withResolvers<TftpFile>()
  const hash = createHash('sha256')
  let blksize = plainBlksize
  let windowsize = 1
  let octets = 0
  /** Number of accepted blocks; block numbers on the wire have 16 bits. */
  let taken = 0
  /** Number of blocks accepted since the last ACK. */
  let inWindow = 0

  const transfer = await begin(client, question, reject, (packet, reply) => {
    const acknowledge = (): void => {
      inWindow = 0
      reply({ kind: 'ack', block: taken & 0xffff })
    }
    if (packet.kind === 'oack' && taken === 0) {
      const options = checkedOptions(transfer, packet.options)
      blksize = Number(options.get('blksize') ?? plainBlksize)
      windowsize = Number(options.get('windowsize') ?? 1)
      acknowledge()
      return
    }
    if (packet.kind !== 'data') throw transfer.problem('DATA', describe(packet))
    // RFC 7440 §4: after a gap, the client acknowledges the last block in order, and the server continues from there.
    if (packet.block !== ((taken + 1) & 0xffff)) {
      acknowledge()
      return
    }
    if (packet.payload.length > blksize) {
      throw transfer.problem(`blocks of at most ${blksize} octets`, `${packet.payload.length}`)
    }
    hash.update(packet.payload)
    octets += packet.payload.length
    taken++
    inWindow++
    const isLast = packet.payload.length < blksize
    if (isLast || inWindow === windowsize) acknowledge()
    if (isLast) resolve({ octets, sha256: hash.digest('hex'), blksize, windowsize })
  })
  return promise.finally(transfer.end)
}

type Transfer = {
  readonly question: TftpQuestion
  problem(expected: string, came: string): BootProblem
  readonly end: () => Promise<void>
}

type Reply = (packet: TftpPacket) => void

/** Sends the request and passes each packet of the transfer to `take`; an error that `take` throws is passed to `fail`. */
async function begin(
  { sockets, clock, source, server }: TftpClient,
  question: TftpQuestion,
  fail: (error: unknown) => void,
  take: (packet: TftpPacket, reply: Reply) => void,
): Promise<Transfer> {
  const port = await sockets.bindUdp({ address: source, port: 0 })
  let timer = { cancel: () => {} }
  /** The transfer identifier of the server, from its first packet (RFC 1350 §4). */
  let peer: number | undefined

  const problem = (expected: string, came: string): BootProblem =>
    new BootProblem(
      `${expected} for ${question.file} from tftp://${server.address}:${server.port}`,
      came,
      'the output of "slipway check", and the log of the server for this file',
    )
  const send = (packet: TftpPacket): void => {
    const octets = encodePacket(packet)
    let attempt = 0
    const again = (): void => {
      const delay = timeoutMs[attempt++]
      if (delay === undefined) {
        fail(problem('a reply', 'no reply'))
        return
      }
      timer.cancel()
      timer = clock.after(delay, again)
      port.send(octets, server.address, peer ?? server.port)
    }
    again()
  }
  const hear = ({ payload, address, port: from }: Datagram): void => {
    if (address !== server.address) return
    peer ??= from
    if (from !== peer) {
      refuseOtherPort(port, address, from)
      return
    }
    const packet = decodePacket(payload)
    if (packet.kind === 'error')
      throw problem('the file', `ERROR ${packet.code} ${JSON.stringify(packet.message)}`)
    take(packet, send)
  }
  port.receive((batch) => {
    try {
      batch.forEach(hear)
    } catch (error) {
      fail(error instanceof MalformedPacket ? problem('a readable packet', error.message) : error)
    }
  })
  send({ kind: 'rrq', mode: 'octet', ...question })
  return {
    question,
    problem,
    end: async () => {
      timer.cancel()
      await port.close()
    },
  }
}

/** RFC 1350 §4: sends an error for a packet with another transfer identifier; the transfer continues. */
function refuseOtherPort(port: UdpPort, address: string, from: number): void {
  const error = { kind: 'error', code: ErrorCode.unknownTransferId, message: 'unknown transfer' } as const
  port.send(encodePacket(error), address, from)
}

/** Checks that the server sent only requested options (RFC 2347), and no larger values (RFC 2348, RFC 7440). */
function checkedOptions(transfer: Transfer, agreed: TftpOptions): TftpOptions {
  for (const [name, value] of agreed) {
    const asked = transfer.question.options.get(name)
    if (asked === undefined) throw transfer.problem('only requested options (RFC 2347)', `${name}=${value}`)
    if (name !== 'tsize' && !(Number(value) >= 1 && Number(value) <= Number(asked))) {
      throw transfer.problem(`${name} from 1 to ${asked}`, value)
    }
  }
  return agreed
}

function describe(packet: TftpPacket): string {
  return 'block' in packet ? `${packet.kind.toUpperCase()} ${packet.block}` : packet.kind.toUpperCase()
}
