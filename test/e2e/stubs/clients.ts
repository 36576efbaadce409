/**
 * Clients of a load balancer that never stop, run in their namespace: `node clients.ts SOCKET`. What they ask and how it
 * went is told over the socket ({@link ClientCalls}). Some connect anew for each request, others keep their connection.
 */
import { Agent, request as plainRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { watchLateness } from '../lateness.ts'
import { serveCalls } from '../remote.ts'

export type Target = {
  readonly address: string
  readonly port: number
  readonly path: string
  /** What TLS asks for; without it the connection is plain. */
  readonly name?: string
  /** A file with the authority that the answer has to come from. */
  readonly authority?: string
  /** Addresses of this place, one after the other; a client each. */
  readonly from: readonly string[]
  /** Keeps its connection; losing it is a failure. */
  readonly isHeld?: boolean
  /** As long as a person waits, when absent. */
  readonly patienceMs?: number
  /** Between two requests of a client. */
  readonly betweenMs?: number
}

export type Failure = {
  /** Milliseconds since 1970, when it was asked. */
  readonly at: number
  readonly afterMs: number
  readonly reason: string
}

export type Tally = {
  readonly asked: number
  readonly failures: readonly Failure[]
  readonly slowestMs: number
  /** How often each address answered. */
  readonly answers: Readonly<Record<string, number>>
}

export type Taken = {
  readonly tallies: Readonly<Record<string, Tally>>
  /** How long they could not ask because this process did not get to run. */
  readonly lateMs: number
}

export type ClientCalls = typeof calls

const usualPatienceMs = 15_000
const usuallyBetweenMs = 100
const tickMs = 50

type Group = {
  readonly target: Target
  readonly authority: Buffer | undefined
  isOver: boolean
  tally: Counting
}
type Counting = { asked: number; failures: Failure[]; slowestMs: number; answers: Record<string, number> }

const groups = new Map<string, Group>()
const lateness = watchLateness()
let lateBefore = 0
const emptyTally = (): Counting => ({ asked: 0, failures: [], slowestMs: 0, answers: {} })

async function keepAsking(group: Group, from: string): Promise<void> {
  const { target } = group
  const settings = target.isHeld === true ? { keepAlive: true, maxSockets: 1 } : undefined
  const agent =
    settings === undefined ? false : target.name === undefined ? new Agent(settings) : new TlsAgent(settings)
  let isConnected = false
  while (!group.isOver) {
    const at = Date.now()
    const fail = (reason: string): void =>
      void group.tally.failures.push({ at, afterMs: Date.now() - at, reason })
    try {
      const { servedBy, isReused } = await ask(group, { localAddress: from, agent })
      // Of now: while it waited, others may have taken the tally from before.
      const { tally } = group
      tally.answers[servedBy] = (tally.answers[servedBy] ?? 0) + 1
      if (isConnected && !isReused) fail('its connection was lost')
      isConnected = agent !== false
    } catch (error) {
      fail((error as Error).message)
      isConnected = false
    }
    group.tally.asked++
    group.tally.slowestMs = Math.max(group.tally.slowestMs, Date.now() - at)
    await pause(target.betweenMs ?? usuallyBetweenMs)
  }
  if (agent !== false) agent.destroy()
}

type Reply = { readonly servedBy: string; readonly isReused: boolean }

async function ask({ target, authority }: Group, way: RequestOptions): Promise<Reply> {
  const { address, port, path, name, patienceMs = usualPatienceMs } = target
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const options = { host: address, port, path, ...way, headers: { host: name ?? address } }
  const tls = {
    ...(name === undefined ? {} : { servername: name }),
    ...(authority === undefined ? {} : { ca: authority }),
  }
  const request =
    name === undefined ? plainRequest(options, resolve) : tlsRequest({ ...options, ...tls }, resolve)
  // Counted in ticks, so that a process that does not get to run does not lose its patience meanwhile.
  let ticks = 0
  const limit = setInterval(() => {
    if (++ticks * tickMs < patienceMs) return
    request.destroy(new Error(`no answer within ${patienceMs / 1000} s`))
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
  begin: (name: string, target: Target): void => {
    const authority = target.authority === undefined ? undefined : readFileSync(target.authority)
    const group = { target, authority, isOver: false, tally: emptyTally() }
    groups.set(name, group)
    for (const from of target.from) void keepAsking(group, from)
  },
  /** Of all groups by name, since they began or since it was taken before. */
  take: (): Taken => {
    const tallies = [...groups].map(([name, { tally }]) => [name, tally] as const)
    for (const group of groups.values()) group.tally = emptyTally()
    const lateMs = lateness() - lateBefore
    lateBefore += lateMs
    return { tallies: Object.fromEntries(tallies), lateMs }
  },
  end: (name: string): void => {
    const group = groups.get(name)
    if (group !== undefined) group.isOver = true
    groups.delete(name)
  },
}
serveCalls(process.argv[2] ?? '', calls)
