/**
 * One exchange with one resolver: over UDP from a dedicated socket, so that id and source port are both
 * unpredictable (RFC 5452 §9.2), or over TCP (RFC 7766).
 */
import { connect } from 'node:net'
import type { Clock } from '../../host/clock.ts'
import type { Sockets } from '../../host/udp.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { createFrameReader, frame } from '../../proto/dns/message.ts'
import type { ForwardRequest, Transport } from './query.ts'
import { classifyAnswer, resolverQuery, type AnswerKind } from './relay.ts'

export type Exchange = {
  readonly resolver: Resolver
  readonly request: ForwardRequest
  readonly transport: Transport
  readonly timeoutMs: number
  /** False only for a resolver that answered FORMERR to EDNS. */
  readonly hasEdns: boolean
}

export type ResolverReply =
  | { readonly kind: Exclude<AnswerKind, 'other'>; readonly octets: Uint8Array }
  /** No answer in time, or the exchange failed. */
  | { readonly kind: 'timeout'; readonly reason: string }

export type ExchangeOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly clock: Clock
  /** 0 to 65535, unpredictable. */
  readonly randomId: () => number
  /** Functions that end the exchanges in flight at once. */
  readonly stops: Set<() => void>
}

/** Sends the query and waits for the answer. Never rejects, leaves no socket and no timer behind. */
export async function exchange(options: ExchangeOptions, details: Exchange): Promise<ResolverReply> {
  const { request, transport, timeoutMs, hasEdns } = details
  const id = options.randomId()
  const { promise: reply, resolve: finish } = Promise.withResolvers<ResolverReply>()
  const fail = (reason: string) => finish({ kind: 'timeout', reason })
  const timer = options.clock.after(timeoutMs, () => fail(`no answer in ${timeoutMs} ms`))
  const stop = () => fail('stopped')
  options.stops.add(stop)
  const receive = (octets: Uint8Array) => {
    const kind = classifyAnswer(request, id, octets)
    if (kind !== 'other') finish({ kind, octets: new Uint8Array(octets) })
  }
  const attempt = transport === 'udp' ? sendUdp : sendTcp
  const close = attempt(options, details, resolverQuery(request, id, hasEdns), receive, fail)
  const result = await reply
  timer.cancel()
  options.stops.delete(stop)
  close()
  return result
}

type Attempt = (
  options: ExchangeOptions,
  details: Exchange,
  query: Uint8Array,
  receive: (octets: Uint8Array) => void,
  fail: (reason: string) => void,
) => () => void

const sendUdp: Attempt = ({ sockets }, { resolver }, query, receive, fail) => {
  let isClosed = false
  const bound = sockets.bindUdp({ address: resolver.address.includes(':') ? '::' : '0.0.0.0', port: 0 })
  bound.then(
    (port) => {
      if (isClosed) return
      port.receive((batch) => {
        for (const { payload, address, port: from } of batch) {
          if (address === resolver.address && from === resolver.port) receive(payload)
        }
      })
      port.send(query, resolver.address, resolver.port, (error) => fail(error.message))
    },
    (error: unknown) => fail((error as Error).message),
  )
  return () => {
    isClosed = true
    bound.then((port) => port.close()).catch(() => undefined)
  }
}

const sendTcp: Attempt = (_options, { resolver }, query, receive, fail) => {
  const socket = connect({ host: resolver.address, port: resolver.port, noDelay: true })
  const frames = createFrameReader()
  socket.on('data', (chunk) => {
    for (const octets of frames.push(chunk)) receive(octets)
  })
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('connection closed without an answer'))
  socket.write(frame(query))
  return () => socket.destroy()
}
