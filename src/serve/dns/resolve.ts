/**
 * Resolves one question with several resolvers: queries the first one, also queries the next one after the usual
 * response time of the first, and uses the first answer. Uses TCP for an answer that is truncated (RFC 7766 §5).
 * Bounded in attempts and in time.
 */
import { connect } from 'node:net'
import type { Timer, Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import { formatResolver, type Resolver } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes.ts'
import { ResponseCode } from '../../proto/dns/registry.ts'
import type { Sockets } from '../../host/udp.ts'
import { createFrameReader, frame } from '../../proto/dns/message.ts'
import { walkMessage } from '../../proto/dns/walk.ts'
import { readFound, type Found } from './cache.ts'
import type { Health } from './health.ts'
import type { ForwardRequest, Transport } from './query.ts'
import { readU16 } from './reply.ts'
import { classifyAnswer, isLame, resolverQuery, responseCode, type AnswerKind } from './relay.ts'

export type Resolution =
  | { readonly kind: 'found'; readonly found: Found }
  /** No resolver answers, or all that do fail. */
  | { readonly kind: 'failed'; readonly rcode: number; readonly reason: FailureReason }

export type FailureReason = 'timeout' | 'refusal' | 'truncation'

export type ResolveOptions = ExchangeOptions & {
  readonly log: Log
  readonly counters: Counters
  readonly health: Health
  readonly isStopping: () => boolean
}

/** The resolver of a node gives up after 5 s (glibc). */
const totalMs = 4500

/** The time-out of one attempt. A late answer counts as long as its attempt runs. */
const attemptMs = 2000

/** Attempts for each resolver; the delay before the next resolver doubles with each round. */
const rounds = 3

/** The maximum for a site with many resolvers that do not respond. */
const maxAttempts = 12

/** Rejects only because of a bug. Leaves no timers except those of attempts in flight. */
export function resolve(options: ResolveOptions, request: ForwardRequest): Promise<Resolution> {
  const { clock, log, counters, health, isStopping } = options
  const { promise, resolve: settle, reject } = Promise.withResolvers<Resolution>()
  const { first, probed } = health.order(request.resolvers)
  const steps = Array.from({ length: rounds }, (_, round) => first.map((resolver) => ({ resolver, round })))
    .flat()
    .slice(0, maxAttempts)
  const failed = new Set<Resolver>()
  let failure: Extract<Resolution, { kind: 'failed' }> = {
    kind: 'failed',
    rcode: ResponseCode.servFail,
    reason: 'timeout',
  }
  let hasEnded = false
  let inFlight = 0
  let latest = 0
  let hedge: Timer | undefined

  function end(resolution: Resolution): void {
    hasEnded = true
    deadline.cancel()
    hedge?.cancel()
    settle(resolution)
  }

  function next(): void {
    hedge?.cancel()
    hedge = undefined
    let step = steps.shift()
    while (step !== undefined && failed.has(step.resolver)) step = steps.shift()
    if (step === undefined || isStopping()) {
      if (inFlight === 0 || isStopping()) end(failure)
      return
    }
    hedge = clock.after(health.hedgeMs(step.resolver) * 2 ** step.round, next)
    // A resolver or a firewall that drops queries with EDNS may answer one without it (RFC 6891 §6.2.2).
    attempt(step.resolver, request.isDnssecOk || step.round < rounds - 1)
  }

  function attempt(resolver: Resolver, hasEdns: boolean): void {
    inFlight++
    const number = ++latest
    query(resolver, hasEdns).then(
      (resolution) => {
        inFlight--
        if (hasEnded) return
        if (resolution?.kind === 'found') {
          if (resolver !== request.resolvers[0]) counters.increment('dns.failovers')
          end(resolution)
          return
        }
        if (resolution !== undefined) failure = resolution
        // An attempt that started later has not timed out yet.
        if (number === latest || inFlight === 0) next()
      },
      (error: unknown) => {
        hasEnded = true
        deadline.cancel()
        hedge?.cancel()
        reject(error)
      },
    )
  }

  /** @returns nothing after a time-out */
  async function query(resolver: Resolver, hasEdns: boolean): Promise<Resolution | undefined> {
    let reply = await ask(resolver, hasEdns)
    // The DO bit needs EDNS.
    if (hasEdns && !request.isDnssecOk && reply !== undefined && rejectsEdns(reply)) {
      reply = await ask(resolver, false)
    }
    if (reply?.kind === 'failed') {
      failed.add(resolver)
      // An extended code is about the exchange with the resolver, and a client without EDNS would read 0.
      if (reply.rcode > 15) return { ...reply, rcode: ResponseCode.servFail }
    }
    return reply
  }

  /** Queries over UDP, and over TCP if the answer is truncated. */
  async function ask(resolver: Resolver, hasEdns: boolean): Promise<Resolution | undefined> {
    const overUdp = await measured(resolver, hasEdns)
    if (overUdp.kind === 'timeout') return undefined
    const isCut = overUdp.kind === 'truncated'
    const reply = isCut ? await send(resolver, 'tcp', hasEdns) : overUdp
    const reason = isCut ? 'truncation' : 'refusal'
    if (reply.kind === 'failure') return { kind: 'failed', rcode: readU16(reply.octets, 2) & 15, reason }
    const rcode = reply.kind === 'answer' ? usable(resolver, reply.octets) : ResponseCode.servFail
    return typeof rcode === 'number' ? { kind: 'failed', rcode, reason } : { kind: 'found', found: rcode }
  }

  /** @returns the RCODE if the answer cannot be used */
  function usable(resolver: Resolver, octets: Uint8Array): Found | number {
    try {
      const layout = walkMessage(octets)
      const rcode = responseCode(octets, layout)
      if (rcode !== ResponseCode.noError && rcode !== ResponseCode.nxDomain) return rcode
      if (!isLame(octets, layout)) return readFound(octets, layout)
      health.recordLame(resolver)
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      counters.increment('dns.resolverMalformed')
      log.debug({ address: formatResolver(resolver), reason: error.message }, 'malformed answer received')
    }
    return ResponseCode.servFail
  }

  async function measured(resolver: Resolver, hasEdns: boolean): Promise<ResolverReply> {
    const start = clock.monotonic()
    const reply = await send(resolver, 'udp', hasEdns)
    if (reply.kind !== 'timeout') health.recordAnswer(resolver, clock.monotonic() - start)
    else if (!isStopping()) health.recordTimeout(resolver, reply.reason)
    return reply
  }

  function send(resolver: Resolver, transport: Transport, hasEdns: boolean): Promise<ResolverReply> {
    return exchange(options, { request, resolver, transport, hasEdns, timeoutMs: attemptMs })
  }

  const deadline = clock.after(totalMs, () => end(failure))
  for (const resolver of probed) attempt(resolver, true)
  next()
  return promise
}

/** A server without EDNS answers FORMERR or NOTIMP, one without version 0 BADVERS (RFC 6891 §7 and §6.1.3). */
function rejectsEdns(resolution: Resolution): boolean {
  const codes: readonly number[] = [ResponseCode.formErr, ResponseCode.notImp, ResponseCode.badVers]
  return resolution.kind === 'failed' && codes.includes(resolution.rcode)
}

// One exchange with one resolver: over UDP from a dedicated socket, so that id and source port are both unpredictable
// (RFC 5452 §9.2), or over TCP (RFC 7766).

type Exchange = {
  readonly resolver: Resolver
  readonly request: ForwardRequest
  readonly transport: Transport
  readonly timeoutMs: number
  /** False for a resolver that rejects EDNS, or that may drop it. */
  readonly hasEdns: boolean
}

type ResolverReply =
  | { readonly kind: Exclude<AnswerKind, 'other'>; readonly octets: Uint8Array }
  /** No answer in time, or the exchange failed. */
  | { readonly kind: 'timeout'; readonly reason: string }

type ExchangeOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly clock: Clock
  /** 0 to 65535, unpredictable. */
  readonly randomId: () => number
  /** Functions that end the exchanges in flight at once. */
  readonly stops: Set<() => void>
}

/** Sends the query and waits for the answer. Never rejects, leaves no socket and no timer behind. */
async function exchange(options: ExchangeOptions, details: Exchange): Promise<ResolverReply> {
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
