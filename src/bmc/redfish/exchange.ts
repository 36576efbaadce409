/**
 * Requests to a BMC with bounds on time and size. BMCs are small machines: they answer 503 while they are busy, take seconds for a
 * resource, and end connections in between. Requests that can be repeated are; a reset is not, because it may have happened.
 */
import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { pause, type Clock } from '../../host/clock.ts'
import { request as requestHttp } from '../../host/http.ts'
import { BmcProblem } from '../problem.ts'
import { createAgent, type Peer, type Trust } from './connection.ts'
import type { Json } from './json.ts'

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Empty if the response has no JSON. */
  readonly body: Json
  /** Start of a response that is not JSON. */
  readonly text: string
}

export type Call = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Json
  /** Whether to repeat it after a lost connection; true by default. */
  readonly isRepeatable?: boolean
}

export type Exchange = {
  /** Returns the response, whatever its status. @throws {BmcProblem} */
  send(call: Call): Promise<Answer>
  close(): void
}

export type ExchangeOptions = {
  readonly peer: Peer
  readonly trust: Trust
  readonly clock: Clock
  /** Bounds the time to open a connection. */
  readonly connectMs?: number
  /** Bounds the time of a response. */
  readonly timeoutMs?: number
  /** Pause before a repetition, if the BMC does not ask for another one. */
  readonly retryMs?: number
}

const maxAttempts = 3
const maxRetryMs = 30_000
const maxBytes = 4 * 1024 * 1024
const defaultConnectMs = 8000
const defaultTimeoutMs = 30_000
const defaultRetryMs = 3000

export function createExchange(options: ExchangeOptions): Exchange {
  const { peer, trust, clock, retryMs = defaultRetryMs } = options
  const { connectMs = defaultConnectMs, timeoutMs = defaultTimeoutMs } = options
  const agent = createAgent(peer, trust, connectMs)

  async function attempt({ method, path, headers, body }: Call): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const asked = requestHttp({
      ...{
        agent,
        method,
        path,
        host: peer.host,
        port: peer.port,
        signal: AbortSignal.timeout(connectMs + timeoutMs),
      },
      headers: {
        host: hostHeader(peer),
        accept: 'application/json',
        'odata-version': '4.0',
        'user-agent': 'slipway',
        ...headers,
        ...(text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    })
    asked.end(text)
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return readAnswer(response)
  }

  async function send(call: Call): Promise<Answer> {
    for (let count = 1; ; count++) {
      let waitMs = retryMs
      try {
        const answer = await attempt(call)
        if (!isBusy(answer) || isSessionLimit(answer)) return answer
        if (call.isRepeatable === false && gatewayStatuses.includes(answer.status)) {
          throw lost(peer, new Error(`HTTP ${answer.status}`))
        }
        if (count === maxAttempts) throw busy(peer, answer)
        waitMs = retryAfterMs(answer, clock.now()) ?? retryMs
      } catch (error) {
        if (error instanceof BmcProblem && error.code !== 'bmc.unreachable') throw error
        if (call.isRepeatable === false) throw lost(peer, error as Error)
        if (count === maxAttempts)
          throw error instanceof BmcProblem ? error : unreachable(peer, error as Error)
      }
      await pause(clock, waitMs)
    }
  }

  return { send, close: () => agent.destroy() }
}

function hostHeader({ host, port, isPlain }: Peer): string {
  const name = host.includes(':') ? `[${host}]` : host
  return port === (isPlain ? 80 : 443) ? name : `${name}:${port}`
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > maxBytes) throw new Error(`its response is larger than ${maxBytes / 1024 / 1024} MiB`)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  const { statusCode: status = 0, headers } = response
  return { status, headers, body: parse(text), text: text.slice(0, 200) }
}

function parse(text: string): Json {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Json) : {}
  } catch {
    return {}
  }
}

const busyStatuses = [429, 502, 503, 504]
/** The part of the BMC behind its web server can have carried out the request. */
const gatewayStatuses = [502, 504]

/** An iDRAC that starts answers 400 with SWC0700. */
function isBusy(answer: Answer): boolean {
  return (
    busyStatuses.includes(answer.status) || (answer.status === 400 && errorText(answer).includes('SWC0700'))
  )
}

/** iDRAC: RAC0218; Redfish: SessionLimitExceeded; others only have a sentence. */
export function isSessionLimit(answer: Answer): boolean {
  return (
    answer.status >= 400 &&
    /RAC0218|SessionLimitExceeded|maximum number of (?:user )?sessions/i.test(errorText(answer))
  )
}

/** Seconds or a date (RFC 9110 §10.2.3). */
function retryAfterMs({ headers }: Answer, now: number): number | undefined {
  const text = headers['retry-after']
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), maxRetryMs)
}

type ErrorBody = {
  readonly error?: {
    readonly message?: string
    readonly '@Message.ExtendedInfo'?: readonly { readonly Message?: string; readonly MessageId?: string }[]
  }
}

/** Returns the messages of an error response with their identifiers (DSP0266 §8.6), or the start of its text. */
export function errorText({ body, text, status }: Answer): string {
  const { error = {} } = body as ErrorBody
  const extended = error['@Message.ExtendedInfo']
  const messages = (Array.isArray(extended) ? extended : []).map(
    ({ Message = '', MessageId = '' }) => `${Message} (${MessageId})`,
  )
  const all = messages.length > 0 ? messages.join(' ') : (error.message ?? text.replaceAll(/\s+/g, ' '))
  return `HTTP ${status}: ${all}`.trim()
}

function busy(peer: Peer, answer: Answer): BmcProblem {
  const text = `BMC ${peer.name} is busy (${errorText(answer)}): wait some minutes, then repeat the command`
  return new BmcProblem('bmc.busy', text)
}

function lost(peer: Peer, error: Error): BmcProblem {
  const text = `the connection to BMC ${peer.name} ended after the command was sent (${error.message}): it may have been carried out; check with "slipway power status"`
  return new BmcProblem('bmc.connection-lost', text)
}

function unreachable(peer: Peer, error: Error): BmcProblem {
  const text = `BMC ${peer.name} does not complete its responses (${error.message}): repeat the command, or restart the BMC`
  return new BmcProblem('bmc.unreachable', text)
}
