/**
 * A client of the API (docs/api.md), on the control socket or on a server, and what it returns about one node. Each error
 * is one sentence that ends with what to do.
 */
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import type { PendingCsrs } from '../cluster/csr/approver.ts'
import type { NodeReport, NodeDetails } from '../install/reports.ts'
import { bmcCodes } from '../bmc/codes.ts'
import { controlCodes, type ControlCode } from '../serve/control/codes.ts'
import type { Applied } from '../serve/haproxy/apply.ts'
import type { BalancerState } from '../serve/haproxy/balancer.ts'
import type { ServerState } from '../serve/haproxy/servers.ts'
import { ExitCode, type Terminal } from './command.ts'
import type { CodeEntry } from '../text/codes.ts'
import { explainFailure, explainLogin, openRequest } from './connection.ts'
import { isRemote } from './server-options.ts'
import type { ClusterReport, MemberReport } from '../cluster/report.ts'

/** An error for the administrator; the command ends with its message. */
export class ControlProblem extends Error {
  override readonly name = 'ControlProblem'
  /** The error response of slipway; absent when slipway was not reachable. */
  readonly refusal: Refusal | undefined

  /** Whether no process listens on the socket, so that slipway is not running. */
  readonly isNotRunning: boolean

  constructor(message: string, refusal?: Refusal, isNotRunning = false) {
    super(message)
    this.refusal = refusal
    this.isNotRunning = isNotRunning
  }
}

type Refusal = {
  readonly status: number
  readonly code?: string
  readonly error: string
  /** Present where there can be several. */
  readonly reasons?: readonly string[]
}

const responseTimeoutMs = 10_000

/** Longer than the heartbeat of the stream. */
const streamTimeoutMs = 60_000

/**
 * Sends one request and returns the JSON of its response.
 *
 * @param target path of the control socket, or URL of a server
 * @param timeoutMs longer for requests that start an operation
 * @param body sent as JSON
 * @throws {ControlProblem} when slipway is not reachable, or refuses the request
 */
export async function askControl<T>(
  target: string,
  path: string,
  method: 'GET' | 'POST' | 'DELETE' = 'GET',
  timeoutMs = responseTimeoutMs,
  body?: object,
): Promise<T> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  try {
    const asked = await openRequest(target, { path, method, headers, timeout: timeoutMs })
    asked.on('timeout', () => asked.destroy(new Error(`no response within ${timeoutMs / 1000} s`)))
    asked.end(body && JSON.stringify(body))
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const answer = await json(response)
    if (response.statusCode === 200) return answer as T
    throw refused(target, response, answer)
  } catch (error) {
    throw error instanceof ControlProblem ? error : cannotAsk(target, error as Error)
  }
}

/** Codes of refusals that make a name on the command line, and so the command line, invalid. */
const unknownNames: ReadonlySet<string | undefined> = new Set<ControlCode>([
  'server.unknown-node',
  'server.unknown-cluster',
  'server.unknown-hook',
  'server.unknown-request',
  'api.unknown-token',
])

/**
 * Runs a command that queries the running slipway. A {@link ControlProblem} becomes a line, and exit code 2 for a name that
 * slipway does not know, or 1.
 */
export async function toResult(terminal: Terminal, run: () => Promise<number>): Promise<number> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof ControlProblem)) throw error
    terminal.err(`slipway: ${withNextStep(error)}`)
    return unknownNames.has(error.refusal?.code) ? ExitCode.usage : ExitCode.problems
  }
}

/** Returns the message; one that does not state what to do is followed by the remedy of its code (docs/codes.md). */
export function withNextStep({ message, refusal }: ControlProblem): string {
  const code = refusal?.code ?? ''
  const codes: Readonly<Record<string, CodeEntry>> = { ...controlCodes, ...bmcCodes }
  const { remedy } = codes[code] ?? {}
  if (/[;:] /.test(message) || remedy === undefined) return message
  return `${message}; ${remedy.charAt(0).toLowerCase()}${remedy.slice(1)}`
}

export type Following = {
  /** Called for every event, in order. */
  readonly onEvent: (data: string) => void
  /** Called when the stream ended; the client reconnects until slipway is back. */
  readonly onGone: (sentence: string) => void
  readonly signal: AbortSignal
  /** The id of the event after which the stream starts; by default, it starts now. */
  readonly lastId?: string
  /** Pause between two attempts to reconnect. */
  readonly pauseMs?: number
}

/**
 * Reads a stream of events until `signal` is aborted. After an interruption it resumes after the last event.
 *
 * @throws {ControlProblem} when the first connection fails
 */
export async function followControl(
  target: string,
  path: string,
  { onEvent, onGone, signal, pauseMs = 2000, lastId: firstId }: Following,
): Promise<void> {
  let lastId = firstId
  let isOpened = false as boolean
  const isOver = () => signal.aborted
  const read = async (): Promise<void> => {
    const response = await openStream(target, {
      ...{ path, signal, timeoutMs: streamTimeoutMs, silence: 'no data from the event stream' },
      headers: lastId === undefined ? {} : { 'last-event-id': lastId },
    })
    isOpened = true
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      if (line.startsWith('id: ')) lastId = line.slice('id: '.length)
      if (line.startsWith('data: ')) onEvent(line.slice('data: '.length))
    }
  }
  while (!isOver()) {
    try {
      await read()
    } catch (error) {
      // An interrupted stream counts as ended.
      if (!isOpened && !isOver()) throw error
    }
    if (!isOver()) onGone('slipway ended the stream; reconnecting')
    await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

type StreamRequest = {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** How long the server may send nothing. */
  readonly timeoutMs: number
  /** The error after that time. */
  readonly silence: string
}

/**
 * Opens a response that lasts. Its reader notices when it ends early.
 *
 * @throws {ControlProblem} when slipway is not reachable, or refuses the request
 */
export async function openStream(
  target: string,
  { path, headers = {}, signal, timeoutMs, silence }: StreamRequest,
): Promise<IncomingMessage> {
  let asked: ClientRequest
  let response: IncomingMessage
  try {
    asked = await openRequest(target, { path, headers, signal, timeout: timeoutMs })
    asked.on('timeout', () => asked.destroy(new Error(silence)))
    asked.end()
    ;[response] = (await once(asked, 'response')) as [IncomingMessage]
  } catch (error) {
    throw cannotAsk(target, error as Error)
  }
  // An interrupted connection ends the stream, and the reader reconnects.
  asked.on('error', () => undefined)
  response.on('error', () => undefined)
  if (response.statusCode === 200) return response
  throw refused(target, response, await json(response))
}

function refused(target: string, { statusCode = 500 }: IncomingMessage, answer: unknown): ControlProblem {
  const refusal = answer as Omit<Refusal, 'status'>
  const isLogin = refusal.code === ('api.not-authenticated' satisfies ControlCode)
  const text = isLogin ? explainLogin(target, refusal.error) : refusal.error
  return new ControlProblem(text, { status: statusCode, ...refusal })
}

function cannotAsk(target: string, error: NodeJS.ErrnoException): ControlProblem {
  // Commands that can work without slipway then use the files of this machine, which are not those of a server.
  const isNotRunning = !isRemote(target) && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED')
  const text = `cannot reach slipway at ${target}: ${explainFailure(target, error)}`
  return new ControlProblem(text, undefined, isNotRunning)
}

export const noCluster = 'the site does not declare a cluster: add it to clusters in the site file'

/** Returns why the running slipway reports no cluster. @throws {ControlProblem} */
export async function noClusterReason(control: string): Promise<string> {
  const status = await askControl<{ readonly clusters?: readonly unknown[] }>(control, '/v1/status')
  if (status.clusters !== undefined) return noCluster
  return 'this slipway does not follow clusters, because it keeps no records, like the demo: start it with "slipway serve"'
}

export type BalancedServer = Pick<
  ServerState,
  'node' | 'backend' | 'server' | 'status' | 'isUp' | 'isLeaving' | 'connections' | 'sentence'
>

export type BalancerReport = {
  /** Result of the last change. */
  readonly applied: Applied
  readonly unreachable?: string
  readonly servers: readonly BalancedServer[]
  readonly removed?: BalancerState['removed']
}

export type RunningStatus = {
  readonly site: string
  readonly nodes: readonly NodeReport[]
  readonly haproxy?: BalancerReport
}

/**
 * Returns the status of the running slipway, provided that it serves this site: a command that changes a site file must
 * not wait for nodes of another site.
 *
 * @throws {ControlProblem} when slipway is not reachable, or serves another site
 */
export async function statusOfSite(path: string, site: string): Promise<RunningStatus> {
  const status = await askControl<RunningStatus>(path, '/v1/status')
  if (status.site === site) return status
  throw new ControlProblem(
    `the slipway at ${path} serves the site ${status.site}, not ${site}; nothing was changed: name the site file that it serves, or its socket with --control`,
  )
}

/** @throws {ControlProblem} when slipway is not reachable, or has no such node */
export async function nodeSnapshot(path: string, key: string): Promise<NodeSnapshot> {
  const cluster = key.slice(0, key.indexOf('/'))
  const [details, report, csrs] = await Promise.all([
    askControl<NodeDetails>(path, `/v1/nodes/${key}`),
    clusterReport(path, cluster),
    askControl<PendingCsrs[]>(path, '/v1/csrs'),
  ])
  return { details, cluster: report, csrs: csrs.find((each) => each.cluster === cluster) }
}

/** Returns the report of one cluster; a refusal becomes its `trouble`. */
export async function clusterReport(path: string, cluster: string): Promise<ClusterView> {
  try {
    return await askControl<ClusterView>(path, `/v1/clusters/${cluster}`)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
    return { trouble: error.message, members: [] }
  }
}

/** The part of a cluster report that concerns one node. */
type ClusterView = Pick<ClusterReport, 'trouble' | 'members'>

export type NodeSnapshot = {
  readonly details: NodeDetails
  readonly cluster: ClusterView
  /** Certificate requests of the cluster of the node; undefined if slipway does not approve requests there. */
  readonly csrs: PendingCsrs | undefined
}

export type Goal = 'installed' | 'ready'

export function memberOf({ members }: ClusterView, key: string): MemberReport {
  return members.find(({ node }) => node === key) ?? { node: key, state: 'unknown' }
}

export function isRegistered({ state }: MemberReport): boolean {
  return state === 'ready' || state === 'not-ready'
}
