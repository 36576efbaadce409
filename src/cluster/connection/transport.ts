/**
 * Requests to an API server over node:https. One agent with the kubeconfig's certificates keeps connections open. Every
 * wait is bounded. Error messages name the server.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Clock } from '../../host/clock.ts'
import type { Credentials } from '../kubeconfig/decode.ts'
import { ConnectionReplaced, explainNetworkError, Unreachable } from './errors.ts'

export type ApiRequest = {
  readonly method: 'GET' | 'PUT'
  /** Includes the query. */
  readonly path: string
  /** JSON. */
  readonly body?: string
  readonly signal?: AbortSignal | undefined
}

export type ApiResponse = {
  readonly status: number
  /** How long the server asks clients to wait, if it does. */
  readonly retryAfterSeconds?: number
  readonly text: string
}

export type Transport = {
  /** Returns the whole response. @throws {Unreachable}, {NoCredentials} */
  exchange(request: ApiRequest): Promise<ApiResponse>
  /**
   * Returns the chunks of a successful response as they arrive, until it ends or `timeoutMs` have passed.
   *
   * @returns the whole response if it is an error
   * @throws {Unreachable}, {NoCredentials}; also while chunks are read
   */
  open(path: string, timeoutMs: number, signal: AbortSignal): Promise<ApiResponse | AsyncIterable<Uint8Array>>
  close(): void
}

/** A connection that was kept open had ended by the time of this request. */
class StaleConnection extends Unreachable {}

type Opened = {
  readonly response: IncomingMessage
  /** Returns the error to report for an error of the response. */
  readonly explain: (error: Error) => Unreachable
  /** Stops the timers. */
  readonly end: () => void
}

const responseTimeoutMs = 30_000
/** Enough for the watches and some requests. Bounds what a server that does not respond costs. */
const maxConnections = 16
/** A page of 500 nodes has about 10 MB. */
const maxResponseBytes = 32 * 1024 * 1024

/** @param credentials called before each request; a different object means that the file changed */
export function createTransport(
  credentials: () => Credentials | Promise<Credentials>,
  clock: Clock,
): Transport {
  let current: { readonly credentials: Credentials; readonly agent: Agent } | undefined
  let isClosed = false

  async function connection(): Promise<{ readonly credentials: Credentials; readonly agent: Agent }> {
    const wanted = await credentials()
    if (isClosed) throw new Unreachable('cluster.unreachable', 'the connection to the cluster is closed')
    if (current?.credentials !== wanted) {
      // Ends the requests with the old credentials; they are repeated with the new ones.
      current?.agent.destroy()
      current = { credentials: wanted, agent: agentFor(wanted) }
    }
    return current
  }

  /**
   * Sends the request again if the kept connection turns out to have ended: no server has answered it, and both methods
   * may be repeated (RFC 9112 §9.3.1). Each attempt uses up one of those connections.
   *
   * @param timeoutMs until the response has ended, or the returned `end` is called
   */
  async function open(request: ApiRequest, timeoutMs: number): Promise<Opened> {
    for (let attempts = 0; ; attempts++) {
      try {
        return await attempt(request, timeoutMs)
      } catch (error) {
        if (!(error instanceof StaleConnection) || attempts === maxConnections) throw error
      }
    }
  }

  async function attempt({ method, path, body, signal }: ApiRequest, timeoutMs: number): Promise<Opened> {
    const { credentials: used, agent } = await connection()
    const { host } = used.server
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = httpsRequest(
      {
        agent,
        method,
        host: hostOf(used.server),
        // Empty for 443, which Node understands.
        port: used.server.port,
        path: `${used.server.pathname.replace(/\/$/, '')}${path}`,
        headers: headersOf(used, body),
        ...(signal === undefined ? {} : { signal }),
      },
      resolve,
    )
    // The stream whose error is reported: the request until the response starts.
    let active: ClientRequest | IncomingMessage = request
    const timers = [responseTimeoutMs, timeoutMs].map((ms) =>
      clock.after(ms, () => {
        const sentence = `${host}: no response within ${ms / 1000} s`
        active.destroy(new Unreachable('cluster.no-response', sentence))
      }),
    )
    const end = (): void => {
      for (const timer of timers) timer.cancel()
    }
    const explain = (error: NodeJS.ErrnoException): Unreachable => {
      if (error instanceof Unreachable) return error
      const isCut = error.code === 'ECONNRESET' || error.code === 'EPIPE'
      const isOurs = agent !== current?.agent
      const { code, sentence } = explainNetworkError(error)
      const message = `${host}: ${sentence}`
      if (isCut && isOurs && !isClosed) return new ConnectionReplaced(code, message, { cause: error })
      const isStale = isCut && !isOurs && active === request && request.reusedSocket
      return new (isStale ? StaleConnection : Unreachable)(code, message, { cause: error })
    }
    // Stays for the whole response: an error without a listener would end the process.
    request.on('error', (error) => {
      end()
      reject(explain(error))
    })
    request.end(body)
    const response = await promise
    active = response
    if (timeoutMs > responseTimeoutMs) timers[0]?.cancel()
    return { response, explain, end }
  }

  return {
    async exchange(request) {
      const send = async () => wholeResponse(await open(request, responseTimeoutMs))
      return send().catch((error: unknown) => {
        if (error instanceof ConnectionReplaced) return send()
        throw error
      })
    },
    async open(path, timeoutMs, signal) {
      const opened = await open({ method: 'GET', path, signal }, timeoutMs)
      return opened.response.statusCode === 200 ? chunksOf(opened) : wholeResponse(opened)
    },
    close() {
      isClosed = true
      current?.agent.destroy()
      current = undefined
    },
  }
}

function agentFor({ authority, certificate, key, serverName }: Credentials): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: maxConnections,
    minVersion: 'TLSv1.2',
    ...(authority === undefined ? {} : { ca: authority }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  })
}

async function wholeResponse(opened: Opened): Promise<ApiResponse> {
  const { response, explain } = opened
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of chunksOf(opened)) {
    bytes += chunk.length
    if (bytes > maxResponseBytes)
      throw explain(new Error(`its response is longer than ${maxResponseBytes} bytes`))
    chunks.push(chunk)
  }
  const retryAfter = Number(response.headers['retry-after'])
  return {
    status: response.statusCode as number,
    ...(retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
    text: Buffer.concat(chunks).toString('utf8'),
  }
}

/** Ending the loop early closes the connection. At the end of the response it stays open for the next request. */
async function* chunksOf({ response, explain, end }: Opened): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    throw explain(error as Error)
  } finally {
    end()
  }
}

/** Removes the brackets of an IPv6 address. */
function hostOf(server: URL): string {
  return server.hostname.replace(/^\[(.*)\]$/, '$1')
}

function headersOf({ token }: Credentials, body: string | undefined): Record<string, string | number> {
  return {
    accept: 'application/json',
    'user-agent': 'slipway',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  }
}
