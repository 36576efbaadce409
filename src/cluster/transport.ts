/**
 * Requests to an API server over node:https: one agent with the kubeconfig's certificates, which keeps
 * connections open; every wait is bounded. What goes wrong is said in a sentence that names the server.
 */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { Clock } from '../host/clock.ts'
import type { Credentials } from './kubeconfig.ts'
import { explainNetworkError } from './network-error.ts'

export type Request = {
  readonly method: 'GET' | 'PUT'
  /** With its query. */
  readonly path: string
  /** JSON. */
  readonly body?: string
  readonly signal?: AbortSignal | undefined
}

export type Answer = {
  readonly status: number
  /** Seconds, when the server says so. */
  readonly retryAfterSeconds?: number
  readonly text: string
}

export type Transport = {
  /** The whole answer. @throws {Unreachable}, {NoCredentials} */
  exchange(request: Request): Promise<Answer>
  /**
   * The chunks of a successful answer as they come, until it ends or `mostMs` have passed.
   *
   * @returns the answer itself when it is no success
   * @throws {Unreachable}, {NoCredentials}; also while chunks are read
   */
  open(path: string, mostMs: number, signal: AbortSignal): Promise<Answer | AsyncIterable<Uint8Array>>
  close(): void
}

/** The server was not heard, or not to its end. The message is a sentence. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
}

/** A connection that had been kept was no longer there when it was used again. */
class EndedBefore extends Unreachable {}

type Begun = { readonly response: IncomingMessage; readonly host: string; readonly end: () => void }

const answerMs = 30_000
/** Some watches and what is asked besides; a server that does not answer costs no more. */
const mostConnections = 16
/** A page of 500 nodes has some 10 MB. */
const mostAnswerOctets = 32 * 1024 * 1024

/** @param credentials asked before each request; another object than before means that the file changed */
export function createTransport(credentials: () => Credentials, clock: Clock): Transport {
  let current: { readonly credentials: Credentials; readonly agent: Agent } | undefined

  function connection(): { readonly credentials: Credentials; readonly agent: Agent } {
    const wanted = credentials()
    if (current?.credentials !== wanted) {
      // What still runs was begun with the old ones; watches go on with the new ones.
      current?.agent.destroy()
      current = { credentials: wanted, agent: agentFor(wanted) }
    }
    return current
  }

  /**
   * Asks anew when a connection that was kept turns out to have ended: by then nobody has answered, and both methods
   * may be repeated (RFC 9112 §9.3.1). Each attempt uses one of those up.
   *
   * @param mostMs until the answer has ended, which the returned `end` says; it also cuts what still comes
   */
  async function begin(request: Request, mostMs: number): Promise<Begun> {
    for (let attempts = 0; ; attempts++) {
      try {
        return await attempt(request, mostMs)
      } catch (error) {
        if (!(error instanceof EndedBefore) || attempts === mostConnections) throw error
      }
    }
  }

  async function attempt({ method, path, body, signal }: Request, mostMs: number): Promise<Begun> {
    const { credentials: use, agent } = connection()
    const { host } = use.server
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
    const request = httpsRequest(
      {
        agent,
        method,
        host: hostOf(use.server),
        // Empty for 443, as Node understands it too.
        port: use.server.port,
        path: `${use.server.pathname.replace(/\/$/, '')}${path}`,
        headers: headersOf(use, body),
        ...(signal === undefined ? {} : { signal }),
      },
      resolve,
    )
    // Whose error is told: the request's until there is an answer.
    let telling: ClientRequest | IncomingMessage = request
    const timers = [answerMs, mostMs].map((ms) =>
      clock.after(ms, () => void telling.destroy(new Error(`no answer within ${ms / 1000} s`))),
    )
    const end = (): void => {
      for (const timer of timers) timer.cancel()
    }
    // Stays for the whole of the answer, whose errors are its own: unheard, one would end the process.
    request.on('error', (error: NodeJS.ErrnoException) => {
      end()
      const isCut = error.code === 'ECONNRESET' || error.code === 'EPIPE'
      // Not when we ended it ourselves.
      const hasEndedBefore = isCut && request.reusedSocket && agent === current?.agent
      const Problem = hasEndedBefore ? EndedBefore : Unreachable
      reject(new Problem(`${host}: ${explainNetworkError(error)}`, { cause: error }))
    })
    request.end(body)
    const response = await promise
    telling = response
    if (mostMs > answerMs) timers[0]?.cancel()
    return { response, host, end }
  }

  return {
    async exchange(request) {
      return wholeAnswer(await begin(request, answerMs))
    },
    async open(path, mostMs, signal) {
      const begun = await begin({ method: 'GET', path, signal }, mostMs)
      return begun.response.statusCode === 200 ? chunksOf(begun) : wholeAnswer(begun)
    },
    close() {
      current?.agent.destroy()
      current = undefined
    },
  }
}

function agentFor({ authority, certificate, key, serverName }: Credentials): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: mostConnections,
    minVersion: 'TLSv1.2',
    ...(authority === undefined ? {} : { ca: authority }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  })
}

async function wholeAnswer(begun: Begun): Promise<Answer> {
  const { response, host } = begun
  const chunks: Uint8Array[] = []
  let octets = 0
  for await (const chunk of chunksOf(begun)) {
    octets += chunk.length
    if (octets > mostAnswerOctets) {
      throw new Unreachable(`${host}: its answer is longer than ${mostAnswerOctets} octets`)
    }
    chunks.push(chunk)
  }
  const retryAfter = Number(response.headers['retry-after'])
  return {
    status: response.statusCode as number,
    ...(retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
    text: Buffer.concat(chunks).toString('utf8'),
  }
}

/** Leaving the loop early cuts the connection; the end of the answer leaves it for the next request. */
async function* chunksOf({ response, host, end }: Begun): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) yield chunk
  } catch (error) {
    throw new Unreachable(`${host}: ${explainNetworkError(error as Error)}`, { cause: error })
  } finally {
    end()
  }
}

/** Without the brackets of an IPv6 address. */
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
