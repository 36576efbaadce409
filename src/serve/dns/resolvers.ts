/**
 * One exchange with one resolver: over UDP from a socket of its own, so that id and source port are both
 * unguessable (RFC 5452 §9.2), or over TCP (RFC 7766).
 */
import { connect } from 'node:net'
import type { Clock } from '../../host/clock.ts'
import type { Sockets } from '../../host/udp.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { createFrameReader, frame } from '../../proto/dns/frame.ts'
import type { ForwardRequest, Transport } from './answer.ts'
import { judgeAnswer, resolverQuery, type Verdict } from './relay.ts'

export type Exchange = {
  readonly resolver: Resolver
  readonly request: ForwardRequest
  readonly transport: Transport
  readonly timeoutMs: number
  /** Without it only who has said that it does not know EDNS is asked. */
  readonly hasEdns: boolean
}

export type Reply =
  | { readonly kind: Exclude<Verdict, 'other'>; readonly octets: Uint8Array }
  /** Nothing came, or not in time. */
  | { readonly kind: 'silence'; readonly reason: string }

export type AskOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly clock: Clock
  /** 0 to 65535, unguessable. */
  readonly randomId: () => number
  /** While it waits, an exchange keeps here what ends the wait at once. */
  readonly stops: Set<() => void>
}

/** Asks and waits. Never rejects, leaves no socket and no timer behind. */
export async function ask(options: AskOptions, exchange: Exchange): Promise<Reply> {
  const id = options.randomId()
  const attempt = exchange.transport === 'udp' ? askUdp : askTcp
  const { promise: reply, resolve: finish } = Promise.withResolvers<Reply>()
  const silence = (reason: string) => finish({ kind: 'silence', reason })
  const timer = options.clock.after(exchange.timeoutMs, () =>
    silence(`no answer in ${exchange.timeoutMs} ms`),
  )
  const stop = () => silence('stopped')
  options.stops.add(stop)
  const hear = (octets: Uint8Array) => {
    const kind = judgeAnswer(exchange.request, id, octets)
    if (kind !== 'other') finish({ kind, octets: new Uint8Array(octets) })
  }
  const close = attempt(
    options,
    exchange,
    resolverQuery(exchange.request, id, exchange.hasEdns),
    hear,
    silence,
  )
  const result = await reply
  timer.cancel()
  options.stops.delete(stop)
  close()
  return result
}

type Attempt = (
  options: AskOptions,
  exchange: Exchange,
  query: Uint8Array,
  hear: (octets: Uint8Array) => void,
  silence: (reason: string) => void,
) => () => void

const askUdp: Attempt = ({ sockets }, { resolver }, query, hear, silence) => {
  let isClosed = false
  const bound = sockets.bindUdp({ address: resolver.address.includes(':') ? '::' : '0.0.0.0', port: 0 })
  bound.then(
    (port) => {
      if (isClosed) return
      port.receive((batch) => {
        for (const { payload, address, port: from } of batch) {
          if (address === resolver.address && from === resolver.port) hear(payload)
        }
      })
      port.send(query, resolver.address, resolver.port, (error) => silence(error.message))
    },
    (error: unknown) => silence((error as Error).message),
  )
  return () => {
    isClosed = true
    bound.then((port) => port.close()).catch(() => undefined)
  }
}

const askTcp: Attempt = (_options, { resolver }, query, hear, silence) => {
  const socket = connect({ host: resolver.address, port: resolver.port, noDelay: true })
  const frames = createFrameReader()
  socket.on('data', (chunk) => {
    for (const octets of frames.push(chunk)) hear(octets)
  })
  socket.on('error', (error) => silence(error.message))
  socket.on('close', () => silence('connection closed without an answer'))
  socket.write(frame(query))
  return () => socket.destroy()
}
