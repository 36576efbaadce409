/**
 * Putting questions to the site's resolvers: in their order, one after another, within bounds of number and
 * time. Nothing is kept; each question costs one exchange.
 */
import { randomInt } from 'node:crypto'
import type { Clock } from '../../host/clock.ts'
import type { Counters } from '../../host/counters.ts'
import type { Log } from '../../host/log.ts'
import type { Sockets } from '../../host/udp.ts'
import type { Resolver } from '../../plan/dns/plan.ts'
import { MalformedPacket } from '../../proto/bytes/malformed.ts'
import { ExtendedError, HeaderFlag, ResponseCode } from '../../proto/dns/registry.ts'
import type { ForwardRequest, Transport } from './answer.ts'
import { clientReply, emptyReply } from './relay.ts'
import { extendedError } from './reply.ts'
import { ask, type Reply } from './resolvers.ts'

export type ForwarderOptions = {
  readonly sockets: Pick<Sockets, 'bindUdp'>
  readonly log: Log
  readonly counters: Counters
  readonly clock: Clock
  /** Of queries to resolvers; unguessable numbers when absent. */
  readonly randomId?: () => number
}

export type Forwarder = {
  /** The reply for the client, SERVFAIL when nobody answers in time. Never rejects. */
  forward(request: ForwardRequest, resolvers: readonly Resolver[]): Promise<Uint8Array>
  /** Waits up to `graceMs` for the questions in flight, then ends them. */
  close(graceMs: number): Promise<void>
}

/** A node's resolver gives up after 5 s (glibc); ours answers before. */
const totalMs = 4500

/** How long a resolver has in each round; who is silent in one is asked again in the next. */
const roundMs = [1000, 1500, 2000]

/** Each holds a socket; a thousand are more than a rack asks at once. */
const mostInFlight = 1000

/** So long a silent resolver is asked after the others. */
const silentMs = 30_000

const tooMany = extendedError(ExtendedError.noReachableAuthority, 'too many questions in flight')
const unreachable = extendedError(ExtendedError.noReachableAuthority, "none of the site's resolvers answers")

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { log, counters, clock, randomId = () => randomInt(0x10000) } = options
  const stops = new Set<() => void>()
  const asking = { ...options, randomId, stops }
  let isStopping = false
  const inFlight = new Set<Promise<Uint8Array>>()
  /** When each silent resolver may be first again. */
  const silentUntil = new Map<string, number>()

  function isSilent({ address }: Resolver): boolean {
    return (silentUntil.get(address) ?? 0) > clock.monotonic()
  }

  function note({ address }: Resolver, reply: Reply): void {
    const wasSilent = silentUntil.has(address)
    if (reply.kind === 'silence') {
      counters.increment('dns.resolverSilences')
      silentUntil.set(address, clock.monotonic() + silentMs)
      if (!wasSilent && !isStopping) log.warn({ address, reason: reply.reason }, 'resolver does not answer')
    } else if (silentUntil.delete(address)) {
      log.info({ address }, 'resolver answers again')
    }
  }

  /** @returns nothing when this resolver's answer cannot be passed on */
  async function exchange(
    request: ForwardRequest,
    resolver: Resolver,
    transport: Transport,
    timeoutMs: number,
  ): Promise<{ kind: 'answer' | 'truncated' | 'failure'; octets: Uint8Array } | undefined> {
    const reply = await ask(asking, { request, resolver, transport, timeoutMs })
    if (transport === 'udp') note(resolver, reply) // many resolvers are reached by UDP alone
    if (reply.kind === 'silence') return undefined
    try {
      return { kind: reply.kind, octets: clientReply(request, reply.octets) }
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
      counters.increment('dns.resolverMalformed')
      log.debug({ address: resolver.address, reason: error.message }, 'resolver sent a malformed answer')
      return undefined
    }
  }

  async function resolve(request: ForwardRequest, resolvers: readonly Resolver[]): Promise<Uint8Array> {
    const deadline = clock.monotonic() + totalMs
    const leftMs = () => (isStopping ? 0 : Math.max(0, Math.ceil(deadline - clock.monotonic())))
    const open = new Set([...resolvers].sort((a, b) => Number(isSilent(a)) - Number(isSilent(b))))
    let failure: Uint8Array | undefined
    for (const timeoutMs of roundMs) {
      for (const resolver of open) {
        if (leftMs() === 0) break
        const reply = await exchange(request, resolver, request.transport, Math.min(timeoutMs, leftMs()))
        if (reply === undefined) continue
        if (reply.kind === 'answer') return reply.octets
        if (reply.kind === 'truncated') return (await whole(request, resolver, leftMs())) ?? reply.octets
        failure = reply.octets
        open.delete(resolver)
      }
    }
    if (failure !== undefined) return failure
    counters.increment('dns.forwardFailed')
    return servFail(request, unreachable)
  }

  /** Over TCP, what a resolver cut short, perhaps only to see that the question is not forged. */
  async function whole(
    request: ForwardRequest,
    resolver: Resolver,
    timeoutMs: number,
  ): Promise<Uint8Array | undefined> {
    const reply = await exchange(request, resolver, 'tcp', timeoutMs)
    return reply?.kind === 'answer' ? reply.octets : undefined
  }

  return {
    forward(request, resolvers) {
      if (inFlight.size >= mostInFlight) {
        counters.increment('dns.forwardOverflow')
        return Promise.resolve(servFail(request, tooMany))
      }
      counters.increment('dns.forwarded')
      const reply = resolve(request, resolvers).catch((error: unknown) => {
        // Our bug, not the resolver's: this client is told, the others are served all the same.
        counters.increment('dns.failures')
        log.error({ packet: Buffer.from(request.query).toString('hex'), err: error }, 'forwarding failed')
        return servFail(request, unreachable)
      })
      inFlight.add(reply)
      void reply.then(() => inFlight.delete(reply))
      return reply
    },

    async close(graceMs) {
      const stop = () => {
        isStopping = true
        for (const end of stops) end()
      }
      const timer = clock.after(graceMs, stop)
      await Promise.allSettled(inFlight)
      timer.cancel()
      stop()
    },
  }
}

function servFail(request: ForwardRequest, option: Uint8Array): Uint8Array {
  return emptyReply(request, ResponseCode.servFail, HeaderFlag.recursionAvailable, option)
}
