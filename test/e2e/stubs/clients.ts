/**
 * Clients of a load balancer that send requests continuously. Runs in a namespace as `node clients.ts SOCKET`. Checks
 * start clients and collect the results over the socket ({@link ClientCalls}). Some clients open a new connection for
 * each request, others keep theirs.
 */
import { Agent, request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { measureSchedulingDelay } from '../scheduling-delay.ts'
import { serveCalls } from '../remote-calls.ts'

export type Target = {
  readonly address: string
  readonly port: number
  readonly path: string
  /** The server name for TLS; without it the connection is not encrypted. */
  readonly name?: string
  /** File with the CA certificate that must have signed the certificate of the server. */
  readonly authority?: string
  /** Source addresses; one client for each. */
  readonly from: readonly string[]
  /** Keeps the connection; losing it is a failure. */
  readonly keepsConnection?: boolean
  /** The time-out of a request; 15 s if absent, about as long as a user waits. */
  readonly timeoutMs?: number
  /** Between two requests of a client; 100 ms if absent. */
  readonly pauseMs?: number
}

export type Failure = {
  /** When the request was sent, in milliseconds since 1970. */
  readonly at: number
  readonly afterMs: number
  readonly reason: string
}

export type Tally = {
  readonly requests: number
  readonly failures: readonly Failure[]
  readonly slowestMs: number
  /** Number of responses from each address. */
  readonly answers: Readonly<Record<string, number>>
}

export type Collected = {
  readonly tallies: Readonly<Record<string, Tally>>
  /** How long other processes kept this one from running, in milliseconds. */
  readonly delayMs: number
}

export type ClientCalls = typeof calls

const defaultTimeoutMs = 15_000
const defaultPauseMs = 100
const tickMs = 50

type Group = {
  readonly target: Target
  readonly authority: Buffer | undefined
  isStopped: boolean
  tally: Counting
}
type Counting = { requests: number; failures: Failure[]; slowestMs: number; answers: Record<string, number> }

const groups = new Map<string, Group>()
const schedulingDelay = measureSchedulingDelay()
let delayBefore = 0
const emptyTally = (): Counting => ({ requests: 0, failures: [], slowestMs: 0, answers: {} })

async function sendContinuously(group: Group, from: string): Promise<void> {
  const { target } = group
  const settings = target.keepsConnection === true ? { keepAlive: true, maxSockets: 1 } : undefined
  const agent =
    settings === undefined ? false : target.name === undefined ? new Agent(settings) : new TlsAgent(settings)
  let isConnected = false
  while (!group.isStopped) {
    const at = Date.now()
    const fail = (reason: string): void =>
      void group.tally.failures.push({ at, afterMs: Date.now() - at, reason })
    try {
      const { servedBy, isReused } = await send(group, { localAddress: from, agent })
      // Read now: the tally may have been collected while the request was in flight.
      const { tally } = group
      tally.answers[servedBy] = (tally.answers[servedBy] ?? 0) + 1
      if (isConnected && !isReused) fail('its connection was lost')
      isConnected = agent !== false
    } catch (error) {
      fail((error as Error).message)
      isConnected = false
    }
    group.tally.requests++
    group.tally.slowestMs = Math.max(group.tally.slowestMs, Date.now() - at)
    await pause(target.pauseMs ?? defaultPauseMs)
  }
  if (agent !== false) agent.destroy()
}

type Reply = { readonly servedBy: string; readonly isReused: boolean }

async function send({ target, authority }: Group, connection: RequestOptions): Promise<Reply> {
  const { address, port, path, name, timeoutMs = defaultTimeoutMs } = target
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const options = { host: address, port, path, ...connection, headers: { host: name ?? address } }
  const tls = {
    ...(name === undefined ? {} : { servername: name }),
    ...(authority === undefined ? {} : { ca: authority }),
  }
  const request =
    name === undefined ? plainRequest(options, resolve) : tlsRequest({ ...options, ...tls }, resolve)
  // Counted in ticks, so that the time does not expire while other processes keep this one from running.
  let ticks = 0
  const limit = setInterval(() => {
    if (++ticks * tickMs < timeoutMs) return
    request.destroy(new Error(`no response within ${timeoutMs / 1000} s`))
  }, tickMs)
  request.on('error', reject)
  request.end()
  try {
    const response = await promise
    await text(response)
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode ?? 0}`)
    return { servedBy: String(response.headers['x-served-by']), isReused: request.reusedSocket }
  } finally {
    clearInterval(limit)
  }
}

const calls = {
  start: (name: string, target: Target): void => {
    const authority = target.authority === undefined ? undefined : readFileSync(target.authority)
    const group = { target, authority, isStopped: false, tally: emptyTally() }
    groups.set(name, group)
    for (const from of target.from) void sendContinuously(group, from)
  },
  /** Returns the tallies of all groups since their start or the previous call. */
  collect: (): Collected => {
    const tallies = [...groups].map(([name, { tally }]) => [name, tally] as const)
    for (const group of groups.values()) group.tally = emptyTally()
    const delayMs = schedulingDelay() - delayBefore
    delayBefore += delayMs
    return { tallies: Object.fromEntries(tallies), delayMs }
  },
  stop: (name: string): void => {
    const group = groups.get(name)
    if (group !== undefined) group.isStopped = true
    groups.delete(name)
  },
}
serveCalls(process.argv[2] ?? '', calls)
