/**
 * Queries one name server: over UDP with a random id and port (RFC 5452 §9.2), and over TCP if the answer is truncated (RFC 7766).
 * Ends in bounded time, whatever the server sends. The number of queries in progress is limited.
 */
import { randomInt } from 'node:crypto'
import { connect } from 'node:net'
import type { Clock } from '../host/clock.ts'
import type { Sockets } from '../host/udp.ts'
import { MalformedPacket } from '../proto/bytes.ts'
import {
  createFrameReader,
  decodeAnswer,
  encodeQuery,
  frame,
  type DecodedAnswer,
} from '../proto/dns/message.ts'
import { typeCode, type OtherTypeName } from '../proto/dns/presentation.ts'
import { ednsUdpOctets, ResponseCode, type TypeName } from '../proto/dns/registry.ts'
import { formatDuration } from '../text/format.ts'
import type { DnsReply } from './compare.ts'
import type { CheckedServer } from './report.ts'

export type DnsQuestion = {
  readonly name: string
  readonly type: TypeName | OtherTypeName
  /** RD; true by default. */
  readonly isRecursionDesired?: boolean
}

type Target = Pick<CheckedServer, 'address' | 'port'>

export type AskServer = (server: Target, question: DnsQuestion) => Promise<DnsReply>

export type ExchangeOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly clock: Clock
  /** How long to wait after each transmission of the query; the last value is also the limit over TCP. */
  readonly attemptsMs?: readonly number[]
}

type Query = { readonly id: number; readonly octets: Uint8Array; readonly question: DnsQuestion }
type Receive = (octets: Uint8Array) => void

/** RFC 6891 §7 and §6.1.3: the answers of servers that do not know EDNS, or its version 0. */
const ednsErrors: readonly number[] = [ResponseCode.formErr, ResponseCode.notImp, ResponseCode.badVers]

export function createAskServer({ sockets, clock, attemptsMs = [1000, 2000] }: ExchangeOptions): AskServer {
  const tcpMs = attemptsMs.at(-1) as number

  async function ask(
    server: Target,
    question: DnsQuestion,
    udpOctets: number | undefined,
  ): Promise<DnsReply> {
    const { name, type, isRecursionDesired = true } = question
    const id = randomInt(0x10000)
    const octets = encodeQuery({
      id,
      name,
      type,
      isRecursionDesired,
      ...(udpOctets !== undefined && { udpOctets }),
    })
    const query = { id, octets, question }
    const reply = await overUdp(server, query)
    return reply.kind === 'answer' && reply.answer.isTruncated ? overTcp(server, query) : reply
  }

  function overUdp(server: Target, query: Query): Promise<DnsReply> {
    return collect(query, attemptsMs, (receive, fail) => {
      const bound = sockets.bindUdp({ address: server.address.includes(':') ? '::' : '0.0.0.0', port: 0 })
      bound.then(
        (port) =>
          port.receive((batch) => {
            for (const { payload, address, port: from } of batch) {
              if (address === server.address && from === server.port) receive(new Uint8Array(payload))
            }
          }),
        (error: unknown) => fail((error as Error).message),
      )
      return {
        send: () =>
          void bound.then(
            (port) => port.send(query.octets, server.address, server.port, (error) => fail(error.message)),
            () => undefined,
          ),
        close: () => void bound.then((port) => port.close()).catch(() => undefined),
      }
    })
  }

  function overTcp(server: Target, query: Query): Promise<DnsReply> {
    return collect(query, [tcpMs], (receive, fail) => {
      const socket = connect({ host: server.address, port: server.port })
      const frames = createFrameReader()
      socket.on('data', (chunk) => frames.push(chunk).forEach(receive))
      socket.on('error', (error) => fail(`over TCP: ${error.message}`))
      socket.on('close', () => fail('over TCP: connection closed without an answer'))
      return { send: () => void socket.write(frame(query.octets)), close: () => void socket.destroy() }
    })
  }

  /** Sends, and waits for an answer to the query; other messages do not end the wait. */
  async function collect(
    query: Query,
    waitsMs: readonly number[],
    open: (receive: Receive, fail: (reason: string) => void) => { send(): void; close(): void },
  ): Promise<DnsReply> {
    const { promise, resolve } = Promise.withResolvers<DnsReply>()
    let malformed: string | undefined
    const channel = open(
      (octets) => {
        const answer = decode(octets)
        if (typeof answer === 'string') malformed = answer
        else if (isAnswerTo(answer, query)) resolve({ kind: 'answer', answer })
      },
      (reason) => resolve({ kind: 'unresponsive', reason }),
    )
    const totalMs = waitsMs.reduce((sum, each) => sum + each, 0)
    const waits = [...waitsMs]
    let timer = { cancel: () => {} }
    const send = (): void => {
      const wait = waits.shift()
      if (wait === undefined) {
        const reason = `no answer in ${formatDuration(totalMs)}`
        resolve(
          malformed === undefined
            ? { kind: 'unresponsive', reason }
            : { kind: 'malformed', reason: malformed },
        )
        return
      }
      channel.send()
      timer = clock.after(wait, send)
    }
    send()
    const reply = await promise
    timer.cancel()
    channel.close()
    return reply
  }

  return async (server, question) => {
    const reply = await ask(server, question, ednsUdpOctets)
    const isWithoutEdns = reply.kind === 'answer' && ednsErrors.includes(reply.answer.rcode)
    return isWithoutEdns ? ask(server, question, undefined) : reply
  }
}

/** @returns the reason why the message cannot be read */
function decode(octets: Uint8Array): DecodedAnswer | string {
  try {
    return decodeAnswer(octets)
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    return error.message
  }
}

/** RFC 5452 §9.1. A server that cannot read the question may omit it. */
function isAnswerTo({ id, rcode, question }: DecodedAnswer, { id: wanted, question: own }: Query): boolean {
  if (id !== wanted) return false
  if (question === undefined) return rcode !== ResponseCode.noError
  return question.type === typeCode(own.type) && question.name.toLowerCase() === own.name.toLowerCase()
}

const maxParallel = 16

/** Runs a bounded number of queries at once. @param run returns whether to continue with the next item */
export async function forEachInParallel<T>(
  items: readonly T[],
  run: (item: T) => Promise<boolean>,
): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const item = items[next++] as T
      if (!(await run(item))) next = items.length
    }
  }
  await Promise.all(Array.from({ length: Math.min(maxParallel, items.length) }, work))
}
