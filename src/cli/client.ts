/** Asks a running slipway over its Unix socket: docs/api.md. What goes wrong is one sentence that says what to do. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { userInfo } from 'node:os'
import type { PendingCsrs } from '../cluster/csr/approver.ts'
import type { NodeReport, NodeDetails } from '../install/reports.ts'
import type { Applied } from '../serve/haproxy/apply.ts'
import type { ServerState } from '../serve/haproxy/servers.ts'
import type { ClusterView, NodeSnapshot } from './node-snapshot.ts'

/** The message is for people; the command ends with it. */
export class ControlProblem extends Error {
  override readonly name = 'ControlProblem'
  /** What slipway refused with; absent when it could not be asked. */
  readonly refusal: Refusal | undefined

  constructor(message: string, refusal?: Refusal) {
    super(message)
    this.refusal = refusal
  }
}

type Refusal = {
  readonly status: number
  readonly error: string
  /** Where there are several. */
  readonly reasons?: readonly string[]
}

const answerTimeoutMs = 10_000

/** A stream that carries not even its heartbeats any more. */
const streamTimeoutMs = 60_000

/** Options of every command that asks a running slipway. */
export const controlOptions = {
  control: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

export const controlHelp = `  --control PATH   the socket of the running slipway (SLIPWAY_CONTROL, else
                   /run/slipway/control.sock)
  --json           the same for programs`

export function controlPath(given: string | undefined, environment = process.env): string {
  return given ?? environment['SLIPWAY_CONTROL'] ?? '/run/slipway/control.sock'
}

/**
 * @param timeoutMs for what takes longer to do than to look up
 * @throws {ControlProblem} also when the answer is a refusal, with its sentence
 */
export async function askControl<T>(
  socketPath: string,
  path: string,
  method: 'GET' | 'POST' = 'GET',
  timeoutMs = answerTimeoutMs,
): Promise<T> {
  const asked = request({ socketPath, path, method, timeout: timeoutMs })
  asked.on('timeout', () => asked.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)))
  asked.end()
  try {
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    const answer = await json(response)
    if (response.statusCode === 200) return answer as T
    throw refused(response, answer)
  } catch (error) {
    throw error instanceof ControlProblem ? error : cannotAsk(socketPath, error as Error)
  }
}

export type Following = {
  /** Called once for every event, in order. */
  readonly onEvent: (data: string) => void
  /** Called when slipway went away; it is asked again until it is back. */
  readonly onGone: (sentence: string) => void
  readonly signal: AbortSignal
  /** Between two attempts to find it again. */
  readonly pauseMs?: number
}

/**
 * Reads a stream of events until `signal` is aborted, on from the last one when slipway was away.
 *
 * @throws {ControlProblem} when it cannot be had at first
 */
export async function followControl(
  socketPath: string,
  path: string,
  { onEvent, onGone, signal, pauseMs = 2000 }: Following,
): Promise<void> {
  let lastId: string | undefined
  let isOpened = false as boolean
  const isOver = () => signal.aborted
  const read = async (): Promise<void> => {
    const response = await openStream(socketPath, path, lastId, signal)
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
      // A stream that was there and is cut is one that ended.
      if (!isOpened && !isOver()) throw error
    }
    if (!isOver()) onGone('slipway ended the stream; waiting for it to come back')
    await setTimeout(pauseMs, undefined, { signal }).catch(() => undefined)
  }
}

async function openStream(
  socketPath: string,
  path: string,
  lastId: string | undefined,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
  const asked = request({ socketPath, path, headers, signal, timeout: streamTimeoutMs })
  asked.on('timeout', () => asked.destroy(new Error('the stream fell silent')))
  asked.end()
  let response: IncomingMessage
  try {
    ;[response] = (await once(asked, 'response')) as [IncomingMessage]
  } catch (error) {
    throw cannotAsk(socketPath, error as Error)
  }
  // A connection that is cut ends the stream; whoever reads it comes again.
  asked.on('error', () => undefined)
  response.on('error', () => undefined)
  if (response.statusCode === 200) return response
  throw refused(response, await json(response))
}

function refused({ statusCode = 500 }: IncomingMessage, answer: unknown): ControlProblem {
  const refusal = answer as Omit<Refusal, 'status'>
  return new ControlProblem(refusal.error, { status: statusCode, ...refusal })
}

function cannotAsk(path: string, error: NodeJS.ErrnoException): ControlProblem {
  return new ControlProblem(`cannot ask slipway at ${path}: ${explain(error)}`)
}

function explain({ code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return 'nobody listens there; is slipway running (systemctl status slipway)? With another socket, give --control PATH or set SLIPWAY_CONTROL'
    case 'ECONNREFUSED':
      return 'slipway has ended; start it (systemctl start slipway)'
    case 'EACCES':
    case 'EPERM':
      return `user ${userInfo().username} may not; ask as root (sudo), or as a member of the group slipway`
    default:
      return message
  }
}

/** What commands that change a site ask of the slipway that serves it. */

export type BalancedServer = Pick<
  ServerState,
  'node' | 'backend' | 'server' | 'status' | 'isUp' | 'isLeaving' | 'connections' | 'sentence'
>

export type BalancerReport = {
  /** How the last change went. */
  readonly applied: Applied
  readonly unreachable?: string
  readonly servers: readonly BalancedServer[]
}

export type RunningStatus = {
  readonly site: string
  readonly nodes: readonly NodeReport[]
  readonly haproxy?: BalancerReport
}

/**
 * The status of the slipway that serves this site: who writes a node into one file and watches another waits in vain.
 *
 * @throws {ControlProblem} when it cannot be asked, or serves another site
 */
export async function statusOfSite(path: string, site: string): Promise<RunningStatus> {
  const status = await askControl<RunningStatus>(path, '/v1/status')
  if (status.site === site) return status
  throw new ControlProblem(
    `the slipway at ${path} serves the site ${status.site}, not ${site}; nothing is changed`,
  )
}

/** @throws {ControlProblem} when slipway cannot be asked, or has no such node */
export async function sightOf(path: string, key: string): Promise<NodeSnapshot> {
  const cluster = key.slice(0, key.indexOf('/'))
  const [story, report, csrs] = await Promise.all([
    askControl<NodeDetails>(path, `/v1/nodes/${key}`),
    clusterReport(path, cluster),
    askControl<PendingCsrs[]>(path, '/v1/csrs'),
  ])
  return { story, cluster: report, csrs: csrs.find((each) => each.cluster === cluster) }
}

/** Why it has none to give is a trouble like others. */
export async function clusterReport(path: string, cluster: string): Promise<ClusterView> {
  try {
    return await askControl<ClusterView>(path, `/v1/clusters/${cluster}`)
  } catch (error) {
    if (!(error instanceof ControlProblem) || error.refusal === undefined) throw error
    return { trouble: error.message, members: [] }
  }
}
